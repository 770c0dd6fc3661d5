"""`simulator replay`: recordings of real cars."""
