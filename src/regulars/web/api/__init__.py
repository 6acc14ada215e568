"""`/api` and `/hooks`: what other programs say."""
