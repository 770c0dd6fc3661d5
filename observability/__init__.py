"""How the programs are observed: logs, metrics, health; and how each starts and ends."""
