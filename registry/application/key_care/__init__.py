"""Care for private keys: sealed, listed, backed up, kept in a token, rotated and renewed."""
