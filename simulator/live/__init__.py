"""`simulator run`: the fleet as it drives now."""
