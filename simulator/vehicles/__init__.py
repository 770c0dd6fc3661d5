"""Who the cars and drivers are: catalogue, fleet, vehicle identification numbers."""
