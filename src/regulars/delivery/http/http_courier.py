"""The HTTP transport: one request for each parcel, over connections that stay open.

What is known about a message after a failure follows from how far its request got. Not connected: it was not sent. Any
later failure, or a reply that the provider failed inside, leaves it unknown: these APIs have no idempotency key, so the
message is never offered again.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core import extras
from regulars.core.outage_cause import OutageCause
from regulars.delivery import latency
from regulars.delivery.http.api_url import ApiUrl
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.smtp.envelope import invalid
from regulars.delivery.smtp.replies import clean
from regulars.delivery.transport import Delivery, Outage, Transport, tls_cause

if TYPE_CHECKING:
    import httpx

_MOST_REPLY = 100_000
"""Characters of a reply that are read for its reason."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds without a new attempt after the provider took nothing; doubled each time."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One POST request; the path begins with `/`."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Unusable(Exception):
    """The provider takes nothing from us now: the reason, and its HTTP status."""

    def __init__(self, reason: str, status: int, pause: float = 0.0) -> None:
        self.reason, self.status, self.pause = reason, status, pause
        super().__init__(reason)


class Api(ABC):
    """One provider's API: how a message is written, and what a reply means."""

    @abstractmethod
    def request(self, parcel: Parcel) -> ApiRequest:
        """The request that sends the parcel. Raises ValueError for one that this API cannot express."""

    @abstractmethod
    def judge(self, parcel: Parcel, status: int, headers: Mapping[str, str], body: str) -> Result:
        """What the reply means for the parcel. Raises Unusable where it is about us and not about the message."""


class HttpCourier(Transport):
    """Delivers by one API; used by one event loop."""

    def __init__(self, url: ApiUrl, api: Api) -> None:
        extras.require("http", "the mail server's URL names an HTTP API, which")
        self.rate = url.rate
        self._url, self._api = url, api
        self._client: httpx.AsyncClient | None = None
        self._failure: Outage | None = None
        self._pause, self._not_before = _FIRST_PAUSE, 0.0

    @property
    def server(self) -> str:
        return self._url.server

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        """One result for each parcel; see `Transport.deliver`."""
        results: dict[int, Result] = {}
        waiting = iter(enumerate(parcels))
        if self._failure is not None and time.monotonic() < self._not_before:
            return self._closed(parcels, results)
        self._failure = None

        async def work() -> None:
            for index, parcel in waiting:
                if self._failure is not None:
                    return
                found = await self._send(parcel)
                if found is not None:
                    results[index] = found

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._url.connections, len(parcels))):
                group.create_task(work())
        return self._closed(parcels, results)

    async def probe(self) -> Outage | None:
        """Opens a connection: no message can be tried without sending one."""
        import httpx

        try:
            await self._opened().get("/", timeout=self._url.timeout)
        except httpx.HTTPError as error:
            return Outage(self.server, _words(error), cause=tls_cause(error) or OutageCause.AWAY)
        return None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _send(self, parcel: Parcel) -> Result | None:
        """The parcel's result, or None where the provider is unusable and has certainly not taken it."""
        import httpx

        why = invalid(parcel)
        if why is not None:
            return Result(parcel.key, Outcome.REFUSED, None, why)
        try:
            request = self._api.request(parcel)
        except ValueError as error:
            return Result(parcel.key, Outcome.REFUSED, None, str(error))
        try:
            begun = time.monotonic()
            reply = await self._opened().post(request.path, content=request.body, headers=dict(request.headers))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            self._stop(_words(error), None, cause=tls_cause(error) or OutageCause.AWAY)
            return None
        except httpx.HTTPError as error:
            self._stop(_words(error), None)
            return Result(parcel.key, Outcome.UNKNOWN, None, f"the connection broke after the request: {_words(error)}")
        latency.observe(self.server, time.monotonic() - begun)
        try:
            found = self._api.judge(parcel, reply.status_code, reply.headers, reply.text[:_MOST_REPLY])
        except Unusable as error:
            cause = OutageCause.LOGIN if error.status in {401, 403} else OutageCause.AWAY
            self._stop(error.reason, error.status, error.pause, cause)
            return None
        self._pause = _FIRST_PAUSE
        return found

    def _opened(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            limits = httpx.Limits(max_connections=self._url.connections)
            self._client = httpx.AsyncClient(
                base_url=self._url.base,
                timeout=self._url.timeout,
                limits=limits,
                follow_redirects=False,
                trust_env=False,
            )
        return self._client

    def _stop(self, reason: str, code: int | None, pause: float = 0.0, cause: OutageCause = OutageCause.AWAY) -> None:
        if self._failure is None:
            wait = max(pause, self._pause)
            self._failure = Outage(self.server, clean(reason), code, wait, cause)
            self._not_before = time.monotonic() + wait
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _closed(self, parcels: Sequence[Parcel], results: Mapping[int, Result]) -> Delivery:
        text = "not offered" if self._failure is None else clean(str(self._failure))
        found = [
            results.get(index) or Result(parcel.key, Outcome.UNREACHABLE, None, text)
            for index, parcel in enumerate(parcels)
        ]
        return Delivery(found, self._failure)


def accepted(parcel: Parcel, provider_id: str) -> Result:
    """The provider took the message; bounces will name it by this id."""
    return Result(parcel.key, Outcome.ACCEPTED, 250, clean(f"accepted as {provider_id}"))


def refused(parcel: Parcel, text: str, *, dead: bool = False) -> Result:
    """The provider refuses this message for good; `dead` if because of its recipient's address."""
    return Result(parcel.key, Outcome.REFUSED, 550 if dead else 554, clean(f"{'5.1.1 ' if dead else ''}{text}"))


def failed_inside(parcel: Parcel, status: int, text: str) -> Result:
    """The provider failed while it had the message."""
    return Result(parcel.key, Outcome.UNKNOWN, None, clean(f"HTTP {status}: {text}"))


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
