"""From the config format (Hydra, YAML, ``key=value`` arguments) to a Sweep manifest."""
