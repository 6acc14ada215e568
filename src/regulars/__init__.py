"""Regulars turns one-time buyers into regular clients by email."""

__version__ = "0.1.0"
