"""What observations say without a model of torch: Pareto front, calibration, importance."""
