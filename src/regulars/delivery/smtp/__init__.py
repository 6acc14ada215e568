"""The SMTP transport: sessions, pipelining, replies."""
