"""Parcels to send, and a way to send them that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from regulars.delivery.parcel import Parcel, Result
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.smtp.provider import Provider

BODY = "Subject: Привет\r\n\r\nOne line\r\n.a line that begins with a dot\r\n..two dots\r\n.\r\nthe end\r\n".encode()


def parcels(count: int, data: bytes = BODY) -> list[Parcel]:
    """So many parcels, the key of each in its recipient's address."""
    return [Parcel(key, "ana@studio.example", (f"c{key}@example.com",), data) for key in range(count)]


def deliver(url: str, batch: Sequence[Parcel], **options: object) -> list[Result]:
    """Sends one batch by a courier of its own; `options` go into the URL. Never takes longer than twenty seconds."""
    return deliver_all(url, [batch], **options)[0]


def deliver_all(url: str, batches: Sequence[Sequence[Parcel]], **options: object) -> list[list[Result]]:
    """Sends batches one after the other by one courier."""
    query = "&".join(f"{key}={value}" for key, value in {"connections": 1, "timeout": 5, **options}.items())

    async def run() -> list[list[Result]]:
        async with asyncio.timeout(20), Courier(Provider.parse(f"{url}?{query}")) as courier:
            return [list((await courier.deliver(batch)).results) for batch in batches]

    return asyncio.run(run())
