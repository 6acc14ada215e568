"""The section `delivery`: mail servers by name, which of them each lane uses, and limits by receiving domain.

Addresses and passwords of servers are in the environment: a server's name leads to its variable (`url_variable`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from regulars.core.diagnostics import Severity, did_you_mean
from regulars.core.settings import SMTP_URL_OF
from regulars.rules.phrase_types import Part, phrase
from regulars.rules.tree import Entries, Loc, Scalar, find
from regulars.rules.validation_messages import ValidationMessages, reworded

LaneName = Literal["default", "transactional"]
REST = "*"
"""The key of `limits` for every domain that has no limit of its own."""
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_RATE = r"([1-9]\d{0,6})\s+per\s+(second|minute|hour)"
_GROWTH = r"(\d{1,2}(?:\.\d{1,2})?)\s+per\s+day"
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_MOST_WEIGHT = 1000


@dataclass(frozen=True, slots=True)
class SendingRate:
    """At most `count` emails in each `unit`."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> SendingRate:
        found_rate = re.fullmatch(rf"\s*{_RATE}\s*", text)
        if found_rate is None:
            raise ValueError(f"`{text}` is not a rate such as `20 per second`")
        return cls(int(found_rate[1]), found_rate[2])

    @property
    def per_second(self) -> float:
        """Emails per second."""
        return self.count / _SECONDS[self.unit]

    def __str__(self) -> str:
        return f"{self.count} per {self.unit}"


@dataclass(frozen=True, slots=True)
class Growth:
    """By what factor a day's number grows from one day of sending to the next."""

    factor: float

    @classmethod
    def parse(cls, text: str) -> Growth:
        found_growth = re.fullmatch(rf"\s*{_GROWTH}\s*", text)
        if found_growth is None or not 1 < float(found_growth[1]) <= 10:
            raise ValueError(f"`{text}` is not a growth above 1, at most 10, such as `1.5 per day`")
        return cls(float(found_growth[1]))

    def __str__(self) -> str:
        return f"{self.factor:g} per day"


_R, _RS = phrase(SendingRate.parse, (SendingRate,), "a rate", "20 per second", rf"^\s*{_RATE}\s*$")
_G, _GS = phrase(Growth.parse, (Growth,), "a growth", "1.5 per day", rf"^\s*{_GROWTH}\s*$")
RatePhrase = Annotated[SendingRate, _R, _RS, PlainSerializer(str)]
GrowthPhrase = Annotated[Growth, _G, _GS, PlainSerializer(str)]


class WarmUp(Part):
    """How the daily number of a new server's emails grows, until it has no limit any more."""

    start: int = Field(ge=1, le=10_000_000, description="Emails on its first day")
    grow: GrowthPhrase = Field(
        description="The factor from each day on which it sent to the next, such as `1.5 per day`"
    )
    until: int = Field(ge=1, le=10_000_000, description="From the day that would allow this many on, there is no limit")

    def allowed(self, days: int) -> int | None:
        """The most emails of a day before which the server sent on `days` days; None without a limit."""
        number = self.start
        for _ in range(days):
            if number >= self.until:
                break
            number = max(int(number * self.grow.factor), number + 1)
        return number if number < self.until else None

    def __str__(self) -> str:
        return f"{self.start:,} on the first day, {self.grow}, until {self.until:,}"


class MailServer(Part):
    """One mail server. Its URL, which can hold a password, is in the environment."""

    rate: RatePhrase | None = Field(default=None, description="The most emails, over all workers together")
    warm_up: WarmUp | None = Field(default=None, description="How its daily number of emails grows while it is new")


def _or_nothing(schema: dict[str, Any]) -> None:
    """A server without limits needs no value after its name."""
    schema["additionalProperties"] = {"anyOf": [schema["additionalProperties"], {"type": "null"}]}


_Weight = Annotated[int, Field(ge=0, le=_MOST_WEIGHT)]


class Delivery(Part):
    """By which servers emails go, and how quickly. Without `servers`, by REGULARS_SMTP_URL."""

    servers: Mapping[str, MailServer] = Field(
        default={}, description="Mail servers by name, each with its limits", json_schema_extra=_or_nothing
    )
    pools: Mapping[LaneName, Mapping[str, _Weight]] = Field(
        default={},
        description="The servers of a lane with their weights; weight 0: only when no other takes mail. Default: all"
        " servers, equally",
    )
    limits: Mapping[str, RatePhrase] = Field(
        default={},
        description="The most emails to a receiving domain and all that have the same mail provider; `*`: to each other"
        " one",
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_servers(cls, value: Any) -> Any:
        """A server without limits needs no value."""
        if isinstance(value, dict) and isinstance(value.get("servers"), dict):
            named = {name: {} if server is None else server for name, server in value["servers"].items()}
            return {**value, "servers": named}
        return value

    @model_validator(mode="after")
    def _known_servers(self) -> Delivery:
        unknown = [name for pool in self.pools.values() for name in pool if name not in self.servers]
        if unknown or any(not any(pool.values()) for pool in self.pools.values()):
            raise PydanticCustomError("shape", "a pool names an unknown server, or none that has a weight")
        return self

    @property
    def domain_rates(self) -> dict[str, float]:
        """Emails per second by receiving domain."""
        return {domain: rate.per_second for domain, rate in self.limits.items()}

    def pool(self, lane: str) -> Mapping[str, int]:
        """The servers of a lane with their weights; none where the environment's own URL is used."""
        if self.pools:
            return next((pool for name, pool in self.pools.items() if name == lane), {})
        return dict.fromkeys(self.servers, 1) if lane == "default" else {}

    def pool_of(self, kind: str) -> Mapping[str, int]:
        """The servers of the lane by which a kind of email goes, as far as the rules decide it."""
        return (self.pool("transactional") if kind == "transactional" else {}) or self.pool("default")


def url_variable(server: str) -> str:
    """The environment variable with the URL of a named server."""
    return f"{SMTP_URL_OF}{server.upper().replace('-', '_')}"


def check(root: Entries, messages: ValidationMessages) -> None:
    """Checks the names of servers and domains, and that pools use servers that exist."""
    servers = find(root, ("delivery", "servers"))
    known = list(servers.entries) if isinstance(servers, Entries) else []
    for name in known:
        if not _NAME.fullmatch(name):
            _bad_name(messages, ("delivery", "servers", name))
        _check_warm_up(messages, ("delivery", "servers", name, "warm_up"))
    pools = find(root, ("delivery", "pools"))
    for lane, entry in pools.entries.items() if isinstance(pools, Entries) else ():
        loc: Loc = ("delivery", "pools", lane)
        if not isinstance(entry.value, Entries):
            continue
        for name in entry.value.entries:
            if name not in known:
                expected = ", ".join(f"`{each}`" for each in known) or "a server that is under `servers`"
                messages.add(
                    "R060", f"there is no server `{name}`", (*loc, name), key=True, expected=expected,
                    hint=did_you_mean(name, known) or "define it under `servers:`",
                )  # fmt: skip
        weights = [each.value.text.strip() for each in entry.value.entries.values() if isinstance(each.value, Scalar)]
        if all(weight == "0" for weight in weights):
            messages.add(
                "R061", f"no server of the pool `{lane}` has a weight above 0", loc, key=True,
                expected="a weight of 1 or more for at least one: `{east: 3, west: 1}`",
            )  # fmt: skip
    _check_unused(messages, known, pools)
    limits = find(root, ("delivery", "limits"))
    for domain in limits.entries if isinstance(limits, Entries) else ():
        if domain != REST and not _DOMAIN.fullmatch(domain):
            messages.add(
                "R062", f"`{domain}` is not a receiving domain", ("delivery", "limits", domain), key=True,
                expected='a domain in small letters such as `gmail.com`, or `"*"` for every other one',
                hint=_better_domain(domain),
            )  # fmt: skip


def _check_unused(messages: ValidationMessages, known: list[str], pools: Any) -> None:
    """A server that no pool names sends nothing."""
    if not isinstance(pools, Entries):
        return
    used = {
        name for entry in pools.entries.values() if isinstance(entry.value, Entries) for name in entry.value.entries
    }
    for name in known:
        if name not in used:
            messages.add(
                "R120", f"no pool uses the server `{name}`, so it sends nothing", ("delivery", "servers", name),
                key=True, severity=Severity.WARNING, hint="name it in a pool, or remove it",
            )  # fmt: skip


def _check_warm_up(messages: ValidationMessages, loc: Loc) -> None:
    start, until = (find(messages.root, (*loc, key)) for key in ("start", "until"))
    if not (isinstance(start, Scalar) and isinstance(until, Scalar)):
        return
    if start.text.isdecimal() and until.text.isdecimal() and int(start.text) >= int(until.text):
        messages.add(
            "R121", "this warm-up limits nothing: its first day is the last one", (*loc, "until"),
            severity=Severity.WARNING, hint="raise `until`, or lower `start`",
        )  # fmt: skip


def _bad_name(messages: ValidationMessages, loc: Loc) -> None:
    better = reworded(str(loc[-1]))
    messages.add(
        "R006", f"`{loc[-1]}` cannot be the name of a server", loc, key=True,
        expected="small letters, digits and hyphens, beginning with a letter, such as `east`",
        hint=f"write `{better}`" if better else None,
    )  # fmt: skip


def _better_domain(text: str) -> str | None:
    plain = text.strip().lower().rpartition("@")[2]
    try:
        plain = plain.encode("idna").decode() if not plain.isascii() else plain
    except UnicodeError:
        return None
    return f"write `{plain}`" if plain != text and _DOMAIN.fullmatch(plain) else None
