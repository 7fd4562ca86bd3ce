"""Generated from protos/registry/format/v1; see protos/generate.py."""
