"""Generated protobuf code of the signed and stored formats."""
