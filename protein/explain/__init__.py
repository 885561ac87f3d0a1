"""What the models say about a search: slices, contours, and what further runs are expected to buy."""
