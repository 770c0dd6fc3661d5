"""The hot path: readings to alerts within milliseconds, by Faust with a batching transport."""
