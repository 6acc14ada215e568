"""The table of promises: what is owed, in hand, done and unknown. Renders nothing, sends nothing."""
