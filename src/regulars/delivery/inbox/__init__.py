"""The local inbox that stands in for a mail server: a server, its files, and pages to look at them."""
