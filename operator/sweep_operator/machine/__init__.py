"""The sweeps of a runs directory: read without their process, looked up by name, and changed."""
