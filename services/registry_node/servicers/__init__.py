"""The gRPC services, one file each; they convert and delegate."""
