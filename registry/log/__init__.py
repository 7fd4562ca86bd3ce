"""One mechanism's append-only log: entries, tree, notes, proofs, order. Pure."""
