"""The operator's command line: asks a running API over HTTP, and shows tables or JSON."""
