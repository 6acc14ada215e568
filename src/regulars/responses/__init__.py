"""Responses of clients by links in emails: clicks, survey answers, answers about visits."""
