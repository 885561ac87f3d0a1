"""Delivery of runs to Weights & Biases, in a process of its own."""
