"""`REGULARS_ONLY_TO`: a copy of production, or a rehearsal of it, can mail nobody but us, whatever its data say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from regulars.core.ids import normalized_address
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.transport import Delivery, Outage, Transport


@dataclass(frozen=True, slots=True)
class Allowed:
    """The recipients that may be written to: whole addresses, and domains with `@` before them; both normalized."""

    patterns: frozenset[str]

    def __contains__(self, address: str) -> bool:
        whole = normalized_address(address)
        _, at, domain = whole.rpartition("@")
        return bool(at) and (whole in self.patterns or f"@{domain}" in self.patterns)

    def __str__(self) -> str:
        return ", ".join(sorted(self.patterns))


class RestrictedTransport(Transport):
    """Hands to `inner` what goes to allowed recipients only; a message with any other is not offered to a server."""

    def __init__(self, inner: Transport, allowed: Allowed) -> None:
        self._inner, self._allowed = inner, allowed
        self.rate = inner.rate

    @property
    def server(self) -> str:
        return self._inner.server

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        going = [parcel for parcel in parcels if all(one in self._allowed for one in parcel.recipients)]
        if len(going) == len(parcels):
            return await self._inner.deliver(parcels)
        delivery = await self._inner.deliver(going) if going else Delivery(())
        by_key = {result.key: result for result in delivery.results}
        return Delivery([by_key.get(parcel.key) or self._not_sent(parcel.key) for parcel in parcels], delivery.outage)

    async def probe(self) -> Outage | None:
        return await self._inner.probe()

    async def close(self) -> None:
        await self._inner.close()

    def _not_sent(self, key: int) -> Result:
        words = f"not sent: this process writes to {self._allowed} only (REGULARS_ONLY_TO)"
        return Result(key, Outcome.UNSENT, None, words)


def allowed(patterns: Iterable[str]) -> Allowed:
    """The recipients of patterns such as `@studio.example` and `ana@studio.example`."""
    return Allowed(frozenset(normalized_address(pattern) for pattern in patterns))
