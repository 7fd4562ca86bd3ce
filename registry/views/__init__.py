"""Read models folded from entries; all can be rebuilt."""
