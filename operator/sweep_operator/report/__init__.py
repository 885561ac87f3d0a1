"""The HTML report of a sweep: one file that needs no network."""
