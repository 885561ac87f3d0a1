"""What ``sweep`` and ``kubectl sweep`` share: the lazy group, error reports, option groups, and whole commands."""
