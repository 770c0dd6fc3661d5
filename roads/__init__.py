"""The road network: its files, and exact cheapest routes over it; shared by simulator, cold path and API."""
