"""The reference workload: PPO on a classic control task, trained and evaluated as the two stages of a sweep's run."""
