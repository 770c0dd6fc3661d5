"""`simulator history`: days of trips before now."""
