"""Weights & Biases and OmegaConf."""
