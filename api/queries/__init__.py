"""Questions to the store, each on one snapshot; rows out, as the answers need them."""
