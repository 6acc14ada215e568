"""Regulars turns one-time buyers into regular clients by email."""

__version__ = "0.2.0"
