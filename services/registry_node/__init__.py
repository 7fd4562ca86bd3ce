"""The node process: servers, TLS, peers, settings."""
