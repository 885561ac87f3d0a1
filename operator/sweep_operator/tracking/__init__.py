"""The W&B outbox: finished SweepRuns are delivered by a child process on W&B's own SDK, and read back.

The operator's process never imports wandb; it asks the child, kills it when it hangs, and goes on with the sweep.
"""
