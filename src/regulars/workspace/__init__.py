"""A folder of rules and emails, loaded and checked as a whole."""
