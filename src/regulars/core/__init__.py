"""Shared by every room, imports none: diagnostics, errors, time, ids, signing, settings."""
