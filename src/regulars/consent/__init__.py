"""Decisions of clients about emails and their data: consent, suppression, preferences, erasure, export."""
