"""The reference workload: PPO on a classic control task, trained and evaluated in the two stages of a run."""
