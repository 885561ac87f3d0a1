"""What the operator's process has around the engine: leadership, probes, metrics, logs, the auditor."""
