"""The chapters of the defender of a river, a module each. All of it is invented."""
