"""What breaks, when, what it does to signals, and the truth about it."""
