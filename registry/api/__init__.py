"""Generated protobuf code of the services (one folder per version)."""
