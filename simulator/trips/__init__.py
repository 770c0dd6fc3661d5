"""When trips begin and where they lead."""
