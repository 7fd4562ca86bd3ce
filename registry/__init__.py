"""The inter-mechanisms registry: one log per mechanism, one history of each case for all."""
