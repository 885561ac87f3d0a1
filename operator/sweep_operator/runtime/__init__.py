"""The operator process around the engine: leadership, probes, metrics, logs, the resync."""
