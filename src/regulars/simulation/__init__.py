"""What would happen: plans ahead and rule tests, played by the code that plans and sends, without a trace."""
