"""What mechanisms talk about: pure values and rules."""
