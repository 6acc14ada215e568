"""The pages that emails link to."""
