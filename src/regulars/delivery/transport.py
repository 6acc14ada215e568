"""Transports deliver parcels to a server. SMTP is one; `delivery.registry` lists them by the scheme of their URL.

To add one: a module or package in this room with a subclass of `Transport` that is made from a URL, and its line in
the registry.
"""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from regulars.core.outage_cause import OutageCause
from regulars.delivery.parcel import Parcel, Result


@dataclass(frozen=True, slots=True)
class Outage:
    """Why a server is unusable. `server` is `host:port`, `code` that of the reply if there was one.

    `reason` names nobody: it is told for every email that waits. `pause`: seconds for which the transport will not try
    the server again.
    """

    server: str
    reason: str
    code: int | None = None
    pause: float = field(default=0.0, compare=False)
    cause: OutageCause = OutageCause.AWAY
    about_message: bool = False
    """Whether `reason` has the words of a reply to some message: other messages are not told them."""

    def __str__(self) -> str:
        return f"{self.server}: {self.reason}"


def tls_cause(error: BaseException) -> OutageCause | None:
    """The cause if this exception, or one that led to it, is about TLS; None for others."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return OutageCause.CERTIFICATE
        if isinstance(found, ssl.SSLError):
            return OutageCause.TLS
        found = found.__cause__ or found.__context__
    return None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The results of one batch: one per parcel, in order.

    With an `outage` the server became unusable: further parcels would fail too, and wait.
    """

    results: Sequence[Result]
    outage: Outage | None = None


class Transport(ABC):
    """Delivers messages to one server or another destination. Used by one event loop only."""

    rate: float | None = None
    """Maximum messages per second, over all workers together. None: no limit."""

    @property
    @abstractmethod
    def server(self) -> str:
        """The destination, for people: `mail.example:587`. Never contains a secret."""

    @abstractmethod
    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        """Delivers a batch. Raises no exceptions of its own: failures of the server are in the results.

        When it is cancelled, messages in flight may have been accepted: the caller must treat them as unknown.
        """

    async def probe(self) -> Outage | None:
        """Whether the server would accept messages now: the outage if not, None if it seems so. Sends no message."""
        return (await self.deliver(())).outage

    @abstractmethod
    async def close(self) -> None:
        """Closes open connections. The transport can be used again afterwards."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
