"""Runs as rows of a table: CSV and JSON lines, in and out, and fitted to another sweep. Pure."""
