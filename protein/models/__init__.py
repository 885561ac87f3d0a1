"""The Gaussian processes: score, cost, feasibility and further outcomes."""
