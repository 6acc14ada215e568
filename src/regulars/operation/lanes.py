"""Lanes: which kind of email uses which transport."""

from __future__ import annotations

from regulars.core.settings import Settings
from regulars.delivery.dkim import DkimKey, SigningTransport, load_key
from regulars.delivery.registry import open_transport
from regulars.delivery.restricted import RestrictedTransport, allowed
from regulars.delivery.transport import Transport
from regulars.dispatch.dispatcher import Lane
from regulars.rules.model import Kind


def lane_kinds(settings: Settings) -> dict[str, frozenset[str]]:
    """The kinds of email by lane, the most urgent first.

    One lane for everything, or a second one for transactional emails, which then never queue behind marketing.
    """
    if settings.smtp_transactional_url is None:
        return {"default": frozenset(Kind)}
    return {"transactional": frozenset({Kind.TRANSACTIONAL}), "default": frozenset({Kind.MARKETING})}


def open_lanes(settings: Settings) -> list[Lane]:
    """The lanes with their transports. Raises EnvironmentFailed for an invalid URL."""
    urls = {"default": settings.smtp_url, "transactional": settings.smtp_transactional_url or settings.smtp_url}
    key = signing_key(settings)

    def opened(name: str) -> Transport:
        transport = open_transport(urls[name], name)
        transport = transport if key is None else SigningTransport(transport, key)
        return RestrictedTransport(transport, allowed(settings.only_to)) if settings.only_to else transport

    return [Lane(name, kinds, opened(name)) for name, kinds in lane_kinds(settings).items()]


def signing_key(settings: Settings) -> DkimKey | None:
    """The key that signs every email, None without one. Raises EnvironmentFailed for one that cannot be used."""
    found = settings.dkim
    return None if found is None else load_key(found.key, found.domain, found.selector)
