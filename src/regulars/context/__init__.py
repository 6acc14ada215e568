"""What a plan stands on: the instant, the facts, the active campaigns, and the statement cache."""
