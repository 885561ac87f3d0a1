"""Sweeps of a cluster: by name, their runs, pods and logs."""
