"""The replication protocol as a sans-I/O core."""
