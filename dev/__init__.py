"""What developers run; not part of the wheel."""
