"""A lane: kinds of email that go by one transport, a server or a pool of servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from regulars.delivery.pool import Pool
from regulars.delivery.transport import Transport
from regulars.ledger.server_quotas import ServerLimit


@dataclass(frozen=True, slots=True)
class Lane:
    """Kinds of email that go by one transport."""

    name: str
    kinds: frozenset[str]
    transport: Transport
    pool: Pool | None = None
    """The servers behind the transport, if it is a pool."""
    limits: Mapping[str, ServerLimit] = field(default_factory=dict)
    """Of the pool's servers that have limits."""
