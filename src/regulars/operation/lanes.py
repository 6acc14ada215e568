"""Lanes: which kind of email uses which transport."""

from __future__ import annotations

from collections.abc import Mapping

from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import Settings
from regulars.delivery.dkim import DkimKey, SigningTransport, load_key
from regulars.delivery.pool import Member, MissingServer, Pool
from regulars.delivery.registry import open_transport
from regulars.delivery.restricted import RestrictedTransport, allowed
from regulars.delivery.transport import Transport
from regulars.dispatch.lane import Lane
from regulars.ledger.server_quotas import ServerLimit
from regulars.rules.delivery_rules import Delivery, url_variable
from regulars.rules.model import Kind

FROM_ENVIRONMENT = Delivery()
"""No server is named in the rules."""


def lane_kinds(settings: Settings, delivery: Delivery = FROM_ENVIRONMENT) -> dict[str, frozenset[str]]:
    """The kinds of email by lane, the most urgent first.

    One lane for everything, or a second one for transactional emails, which then never queue behind marketing.
    """
    if settings.smtp_transactional_url is None and not delivery.pool("transactional"):
        return {"default": frozenset(Kind)}
    return {"transactional": frozenset({Kind.TRANSACTIONAL}), "default": frozenset({Kind.MARKETING})}


def open_lanes(settings: Settings, delivery: Delivery = FROM_ENVIRONMENT) -> list[Lane]:
    """The lanes with their transports: pools of named servers, or one server of the environment.

    Raises EnvironmentFailed for an invalid URL of a lane; a named server without a usable one is away.
    """
    urls = {"default": settings.smtp_url, "transactional": settings.smtp_transactional_url or settings.smtp_url}
    key = signing_key(settings)

    def signed(transport: Transport) -> Transport:
        return transport if key is None else SigningTransport(transport, key)

    def restricted(transport: Transport) -> Transport:
        return RestrictedTransport(transport, allowed(settings.only_to)) if settings.only_to else transport

    lanes = []
    for name, kinds in lane_kinds(settings, delivery).items():
        weights = delivery.pool(name)
        if not weights:
            lanes.append(Lane(name, kinds, restricted(signed(open_transport(urls[name], name)))))
            continue
        opened = {server: _named_server(settings, server) for server in weights}
        members = [Member(server, signed(opened[server]), weight) for server, weight in weights.items()]
        pool = Pool(name, members)
        lanes.append(Lane(name, kinds, restricted(pool), pool, _limits(delivery, opened)))
    return lanes


def signing_key(settings: Settings) -> DkimKey | None:
    """The key that signs every email, None without one. Raises EnvironmentFailed for one that cannot be used."""
    found = settings.dkim
    return None if found is None else load_key(found.key, found.domain, found.selector)


def _named_server(settings: Settings, name: str) -> Transport:
    variable = url_variable(name)
    url = settings.smtp_urls.get(variable)
    if url is None:
        return MissingServer(name, f"{variable} is not set for this process: give it the URL of the server `{name}`")
    try:
        return open_transport(url, name)
    except EnvironmentFailed as error:
        return MissingServer(name, f"{error} (in {variable})")


def _limits(delivery: Delivery, opened: Mapping[str, Transport]) -> dict[str, ServerLimit]:
    """Of the limited servers: the lower of the rates in the rules and in the URL, and the warm-up."""
    found = {}
    for name, transport in opened.items():
        server = delivery.servers[name]
        rates = [rate for rate in (transport.rate, server.rate and server.rate.per_second) if rate]
        if rates or server.warm_up is not None:
            found[name] = ServerLimit(min(rates, default=None), server.warm_up)
    return found
