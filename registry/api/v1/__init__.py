"""Generated from protos/registry/api/v1; see protos/generate.py."""
