"""The optimizer behind a process boundary: never in the event loop, and never torch in the operator's main process."""
