"""The table of promises: open, claimed, settled and uncertain. Renders nothing, sends nothing."""
