"""Runs that Weights & Biases already has: read for warm starts, export and best-params."""
