"""Conditions: evaluated as SQL for sets and in Python for one client, with explanations."""
