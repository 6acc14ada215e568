"""Derived data of clients: facts, traits, points, visits, and the results of learning."""
