"""How the next point is chosen: initial design, acquisition, candidates, refinement."""
