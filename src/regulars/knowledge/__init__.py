"""Models learned from purchase histories: activity, expected value, next product. Pure computation."""
