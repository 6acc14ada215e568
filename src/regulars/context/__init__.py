"""The planning context: the instant, the facts, the active campaigns, and the statement cache."""
