"""The road network: its files, and exact cheapest routes over it; shared by simulator, cold path and API."""

from roads.csv_file import load_network
from roads.denver import default_network
from roads.network import RoadNetwork, Segment, Vertex
from roads.search import Route, cheapest_route

__all__ = ["RoadNetwork", "Route", "Segment", "Vertex", "cheapest_route", "default_network", "load_network"]
