"""Control of a running fleet over HTTP on loopback: faults, rate, number of cars, pause, disturbances."""
