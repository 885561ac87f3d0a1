"""Parameters of a search space: distributions, conditions and dotted paths. Standard library only."""
