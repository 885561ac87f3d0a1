"""Rules about Sweeps and SweepRuns that are neither wire format nor decision."""
