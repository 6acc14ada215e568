"""The local inbox: an SMTP server, its files, and HTML pages to view them."""
