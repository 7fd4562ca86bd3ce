"""The parts of `registry bench` that run between node processes, and what it prints."""
