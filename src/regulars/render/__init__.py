"""Subject, HTML, text and MIME bytes of one message."""
