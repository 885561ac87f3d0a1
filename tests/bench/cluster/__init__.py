"""What the operator needs on a real API server: latency, writes, start, memory. ``python -m tests.bench.cluster``."""
