"""What the shell of every program needs in the same way, once."""
