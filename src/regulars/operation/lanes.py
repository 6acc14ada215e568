"""Lanes: which kind of email uses which transport."""

from __future__ import annotations

from regulars.core.settings import Settings
from regulars.delivery.registry import open_transport
from regulars.dispatch.dispatcher import Lane
from regulars.rules.model import Kind


def open_lanes(settings: Settings) -> list[Lane]:
    """One lane for everything, or a second one for transactional emails, which then never queue behind marketing.

    The most urgent first. Raises EnvironmentFailed for an invalid URL.
    """
    main = open_transport(settings.smtp_url)
    if settings.smtp_transactional_url is None:
        return [Lane("default", frozenset(Kind), main)]
    transactional = open_transport(settings.smtp_transactional_url, "transactional")
    return [
        Lane("transactional", frozenset({Kind.TRANSACTIONAL}), transactional),
        Lane("default", frozenset({Kind.MARKETING}), main),
    ]
