"""What people are shown: tables, the live view, best parameters, report data."""
