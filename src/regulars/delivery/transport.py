"""What carries parcels to a server. SMTP is one transport; `delivery.registry` lists them by the scheme of their URL.

To add one: a module or package in this room with a subclass of `Transport` that is made from a URL, and its line in
the registry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from regulars.delivery.parcel import Parcel, Result


@dataclass(frozen=True, slots=True)
class Outage:
    """Why a server takes nothing now. `server` is `host:port`, `code` the reply's if there was one."""

    server: str
    reason: str
    code: int | None = None

    def __str__(self) -> str:
        return f"{self.server}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of one batch: a result for each parcel, in their order.

    With an `outage` the server stopped being of use: parcels after these would fare no better, and wait.
    """

    results: Sequence[Result]
    outage: Outage | None = None


class Transport(ABC):
    """Takes messages to one server, or to what stands for one. Used by one event loop, for as long as it lives."""

    rate: float | None = None
    """How many messages a second it may be handed, by all workers together. None: no limit."""

    @property
    @abstractmethod
    def server(self) -> str:
        """Where the messages go, for people to read: `mail.example:587`. Never holds a secret."""

    @abstractmethod
    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        """Delivers a batch. Raises nothing of its own: whatever happens to the server is in the results.

        When it is cancelled, what was in flight may have been accepted: the caller must call it unknown.
        """

    @abstractmethod
    async def close(self) -> None:
        """Ends what is open. It may be used again afterwards."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
