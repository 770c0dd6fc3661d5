"""How cars move, burn, warm and what their sensors say of it."""
