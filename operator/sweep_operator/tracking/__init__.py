"""The W&B outbox: finished SweepRuns are delivered by a child process on W&B's own SDK, and read back.

The operator's process never imports wandb. It asks a child process, which it kills if it makes no progress.
"""
