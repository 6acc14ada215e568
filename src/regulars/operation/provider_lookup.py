"""Which mail provider receives for a domain: its mail exchangers (RFC 5321, 5.1), looked up outside of claims.

Only where limits by receiving domain are in force, at most once a minute, for a bounded number of domains and time.
Until a domain is looked up, and where there is no answer, it counts as its own provider.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import dns.exception
import dns.resolver
from sqlalchemy import Engine

from regulars.core.errors import EnvironmentFailed
from regulars.db import engine as db
from regulars.ledger import domain_limits, mail_providers

_LOG = logging.getLogger(__name__)
OFF = "off"
_EVERY = 60.0
"""Seconds between two rounds of lookups."""
_MOST, _AT_ONCE = 200, 20
"""Domains of one round, and lookups at the same time."""
_LIFETIME = 2.0
"""Seconds for one lookup, over all name servers."""
_FOUND, _NONE, _FAILED = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
"""How long an answer counts; that there is no mail exchanger; and that there was no answer."""
_PUBLIC = frozenset({"ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"})
"""Second-level names below which countries register domains, such as `co.uk`."""


class ProviderLookup:
    """One process's lookups. `elapsed` returns monotonic seconds."""

    def __init__(self, engine: Engine, server: str | None, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._server, self._elapsed = engine, server, elapsed
        self._looked_at = float("-inf")

    def refresh(self, limits: Mapping[str, float]) -> None:
        """Labels what has been planned, and looks up domains that are new or whose answer has expired."""
        if not limits:
            return
        with suppress(EnvironmentFailed):  # the next plan does it
            with db.write(self._engine) as connection:
                domain_limits.put_in_force(connection, limits)
            if self._server == OFF or self._elapsed() - self._looked_at < _EVERY:
                return
            self._looked_at = self._elapsed()
            with db.read(self._engine) as connection:
                unknown = mail_providers.unknown_domains(connection, limits, _MOST)
            if unknown:
                self._look_up(unknown, limits)

    def _look_up(self, domains: Collection[str], limits: Mapping[str, float]) -> None:
        resolver = _resolver(self._server)
        if resolver is None:
            _LOG.warning("limits by receiving domain: there is no name server; each domain counts as its own provider")
            return
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = dict(zip(domains, pool.map(lambda domain: _provider(resolver, domain), domains), strict=True))
        with db.write(self._engine) as connection:
            if mail_providers.store(connection, found):
                domain_limits.put_in_force(connection, limits, anew=True)
            domain_limits.forget_unused(connection)


def _resolver(server: str | None) -> dns.resolver.Resolver | None:
    try:
        resolver = dns.resolver.Resolver(configure=server is None)
        if server is not None:
            host, _, port = server.partition(":")
            resolver.nameservers, resolver.port = [host], int(port or 53)
    except (ValueError, dns.exception.DNSException):
        return None
    resolver.lifetime = _LIFETIME
    return resolver


def _provider(resolver: dns.resolver.Resolver, domain: str) -> tuple[str | None, timedelta]:
    """The provider, None for none or no answer, and how long that counts."""
    try:
        answer = resolver.resolve(domain, "MX")
        first = min(answer, key=lambda record: (record.preference, record.exchange))
        host = first.exchange.to_text(omit_final_dot=True).lower()
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None, _NONE
    except (dns.exception.DNSException, UnicodeError, ValueError):
        return None, _FAILED
    return (registered_domain(host) or None), _FOUND


def registered_domain(host: str) -> str:
    """The part of a host's name that somebody has registered: `google.com` of `aspmx.l.google.com`."""
    labels = host.strip(".").split(".")
    country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _PUBLIC
    return ".".join(labels[-3:] if country else labels[-2:])
