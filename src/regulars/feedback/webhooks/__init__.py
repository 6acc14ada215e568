"""Webhooks of sending providers: each module verifies one provider's requests and turns them into notifications."""
