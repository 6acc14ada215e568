"""What would happen: plan, forecast, test, preview and explain, by the code that does it, without a trace."""
