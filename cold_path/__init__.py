"""The cold path: new readings to the lake, all batch views from the lake, published as versions; and their proof."""
