"""The published versions of the views."""
