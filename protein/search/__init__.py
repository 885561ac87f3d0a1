"""How the next point is chosen: initial design, acquisition, cost level, candidates, refinement."""
