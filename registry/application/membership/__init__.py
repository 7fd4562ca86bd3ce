"""Who takes part: founding, joining, rosters and their proposals, leaving, new epochs."""
