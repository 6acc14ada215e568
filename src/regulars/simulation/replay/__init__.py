"""Past days lived again on a scratch database, with other rules or with the same."""
