"""Routes over the road network: places by name, the served version's costs, the cheapest ways as GeoJSON."""
