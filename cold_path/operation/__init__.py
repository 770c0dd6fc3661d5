"""How the cold path runs: the stages of a run, and the resident program around them."""
