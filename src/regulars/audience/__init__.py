"""Conditions: who matches, as SQL for sets and one by one in Python, and why."""
