"""Eligibility checks of promises: consent, conditions, quiet hours, caps; run when planning and when sending."""
