"""Runs as rows of a table: reads and writes CSV and JSON lines, and converts rows for another sweep. No I/O."""
