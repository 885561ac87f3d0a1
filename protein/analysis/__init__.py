"""Analysis of observations: Pareto front, calibration, parameter importance."""
