"""Loads and checks rule files: the result is a rulebook, or diagnostics."""
