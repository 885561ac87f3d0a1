"""Rendering of sweeps and runs: tables, live view, best parameters, report data."""
