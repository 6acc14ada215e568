"""Simulations: plans ahead and rule tests, run by the code that plans and sends, without a trace."""
