"""SMTP as a transport: sessions, pipelining, and what servers answer."""
