"""Convert the configuration format (Hydra, YAML, ``key=value`` arguments) to a Sweep manifest."""
