"""The interface of a provider's webhook, and reading of its JSON without trust in its shape."""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import orjson

from regulars.delivery.causes import UNDEFINED, cause
from regulars.feedback.bounce_reasons import HARD
from regulars.feedback.delivery_status import status_in
from regulars.feedback.notification import Kind, Notification

LONGEST_WORDS = 500
_LONGEST_FIELD = 4000
_UNCLEAR = {UNDEFINED, "filtered"}


class NotGenuine(Exception):
    """The request does not prove that it comes from the provider, or is too old. The text is for the log."""


class NotReadable(Exception):
    """The request is genuine, but its body is not what the provider documents."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One request. `headers` by lower-case name; `path_secret` is the last part of its path, empty if it has none."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    path_secret: str = field(repr=False)
    now: datetime

    def json(self) -> Any:
        """The body as JSON; raises NotReadable."""
        try:
            return orjson.loads(self.body)
        except ValueError:
            raise NotReadable("the body is not JSON") from None


@dataclass(frozen=True, slots=True)
class Received:
    """What a request says. `confirm_url`: the provider asks to open it once, to begin sending."""

    notifications: list[Notification]
    confirm_url: str | None = None


class Provider(ABC):
    """Reads one provider's requests."""

    name: ClassVar[str]
    """The last part of `/hooks/mail/NAME`."""

    @abstractmethod
    def read(self, request: WebhookRequest) -> Received:
        """What a genuine request says; raises NotGenuine or NotReadable."""


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """The value if it is a JSON list, at most 1,000 of it, else an empty one."""
    return value[:1000] if isinstance(value, list) else []


def text(value: object, *path: str) -> str:
    """The string or number at the path of a JSON object, as text; empty if it is another thing or missing."""
    for name in path:
        value = mapping(value).get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)[:_LONGEST_FIELD].strip()


def message_id(value: str) -> str | None:
    """A Message-ID without angle brackets; None if it is empty."""
    return value.strip().strip("<>").strip() or None


def instant(value: str) -> datetime | None:
    """An ISO 8601 instant or Unix seconds, as UTC; None for another text."""
    try:
        if value.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(value), UTC)
        found = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None
    return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)


def require_recent(at: datetime | None, now: datetime, window: timedelta) -> None:
    """Raises NotGenuine for a request that was signed more than `window` ago, or in more than five minutes from now."""
    if at is None or not -timedelta(minutes=5) <= now - at <= window:
        raise NotGenuine("its time is missing or outside the window")


def same(given: str, expected: str) -> bool:
    """Whether two secrets are equal, in a time that does not depend on where they differ. An empty one is never."""
    return bool(expected) and hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def bounce(words: str, status: str, *, permanent: bool) -> tuple[Kind, str, str | None]:
    """Kind, reason and status of a bounce that a provider reports as permanent or not.

    Permanent is hard, unless the server's own words say that it was not about the address.
    """
    code = status_in(status) or status_in(words)
    reason = cause(words, code)
    hard = permanent and (reason in HARD or reason in _UNCLEAR)
    return Kind.HARD_BOUNCE if hard else Kind.SOFT_BOUNCE, reason, code
