"""History by columns: which readings of the lake a rule need not look at, and the fold that passes them over."""
