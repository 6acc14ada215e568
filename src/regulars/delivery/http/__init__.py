"""Transports over HTTP: the APIs of sending providers."""
