"""What is known of a client, each fact with the sentence that explains it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regulars.audience import Person
from regulars.audience.explain import show
from regulars.clearance import Ground
from regulars.core.calendar import zone as tz
from regulars.rehearsal import dossier
from regulars.rehearsal.sentences import day, when
from regulars.store.types import DAY, MICROSECOND


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its name, its value (None: not known), and a sentence."""

    name: str
    value: Any
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return {"name": self.name, "value": value, "sentence": self.sentence}


def facts(ground: Ground, person: Person, customer_id: int) -> list[Fact]:
    """The facts about the client at the ground's instant."""
    zone = str(person.fields.get("timezone") or person.zone)
    return [
        *_bought(person, ground.now, zone),
        *_next(person, zone),
        *_rights(ground, customer_id, zone),
        *_protected(ground, customer_id, zone),
        _clock(ground, zone),
    ]


def _bought(person: Person, now: datetime, zone: str) -> Iterator[Fact]:
    count, first, last = (person.fields.get(n) for n in ("purchases", "first_purchase_at", "last_purchase_at"))
    if not count or first is None or last is None:
        yield Fact("purchases", 0, "Has bought nothing yet.")
        return
    ago = int((now - last) // MICROSECOND // DAY)
    spent = f" for {person.fields['spent']:.2f} in all" if person.fields.get("spent") else ""
    times = "once" if count == 1 else f"{count} times"
    sentence = f"Bought {times}{spent}, last on {day(last, zone)}, {ago} day{'' if ago == 1 else 's'} ago"
    yield Fact("purchases", count, sentence + ("." if count == 1 else f"; first on {day(first, zone)}."))
    rhythm = person.fields.get("rhythm")
    if not rhythm:
        yield Fact("rhythm", None, "Has no rhythm: that takes two purchases.")
        return
    yield Fact("rhythm", rhythm, f"Buys every {show(round(rhythm, 1))} days on average.")
    overdue = (now - last) // MICROSECOND / DAY / rhythm
    times = show(round(overdue, 2))
    yield Fact("overdue", overdue, f"The time since the last purchase is {times} times as long as usual.")


def _next(person: Person, zone: str) -> Iterator[Fact]:
    sku, at = person.fields.get("next_product"), person.fields.get("next_product_at")
    if sku is not None and at is not None:
        yield Fact("next_product", sku, f"Next in the sequence is `{sku}`, usually bought on {day(at, zone)}.")


def _rights(ground: Ground, customer_id: int, zone: str) -> Iterator[Fact]:
    words = dossier.consent(ground.connection, customer_id)
    for word in words:
        verb = "Agreed to" if word.granted else "Does not want"
        sentence = f"{verb} `{word.topic}` emails: said so on {day(word.at, zone)} ({word.source})."
        yield Fact("consent", word.granted, sentence)
    if not words:
        mode = ground.rulebook.policy.consent
        end = "so none is sent" if mode == "opt-in" else "which does not forbid them"
        yield Fact("consent", None, f"Said nothing about marketing emails, {end} (`consent: {mode}`).")
    suppressed = dossier.suppression(ground.connection, customer_id)
    if suppressed is not None:
        scope, reason, at = suppressed
        yield Fact(
            "suppressed", scope, f"The address is suppressed for {scope} emails since {day(at, zone)}: {reason}."
        )


def _protected(ground: Ground, customer_id: int, zone: str) -> Iterator[Fact]:
    policy = ground.rulebook.policy
    if policy.cap is not None:
        used = dossier.cap_use(ground.connection, customer_id, policy.cap, ground.now)
        yield Fact("cap", used, f"{used} places are used under the frequency cap of {policy.cap}.")
    if policy.quiet_hours is not None:
        ends = policy.quiet_hours.next_end(ground.now, zone)
        if ends is not None:
            yield Fact("quiet_hours", ends, f"It is night for them: marketing emails wait until {when(ends, zone)}.")


def _clock(ground: Ground, zone: str) -> Fact:
    return Fact("timezone", zone, f"Their clock ({zone}) shows {ground.now.astimezone(tz(zone)):%Y-%m-%d %H:%M}.")
