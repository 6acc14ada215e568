"""What is known of a client, each fact with the sentence that explains it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regulars.audience import Person, known_fields
from regulars.clearance import Ground
from regulars.core.calendar import zone as tz
from regulars.rehearsal import dossier
from regulars.rehearsal.sentences import day, when
from regulars.rehearsal.whys import Whys
from regulars.store import evidence
from regulars.tracking import TRACKING
from regulars.tracking.grading import Grade


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its name, its value (None: not known), and the sentence that says why it is so."""

    name: str
    value: Any
    why: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return {"value": value, "why": self.why}


def facts(ground: Ground, person: Person, customer_id: int) -> list[Fact]:
    """The facts about the client at the ground's instant; no name comes twice."""
    zone = str(person.fields.get("timezone") or person.zone)
    stands_on = evidence.of(ground.connection, customer_id, ground.now)
    values = known_fields(person, ground.now)
    whys = Whys(person.fields, values, stands_on, ground.now, zone, ground.rulebook.company.currency)
    return [
        *(Fact(*found) for found in whys.all()),
        *_rights(ground, customer_id, zone),
        *_clicks(ground, customer_id, zone),
        *_protected(ground, customer_id, zone),
        _clock(ground, zone),
    ]


def _rights(ground: Ground, customer_id: int, zone: str) -> Iterator[Fact]:
    words = dossier.consent(ground.connection, customer_id)
    for word in words:
        if word.topic == TRACKING:
            yield Fact("tracking", word.granted, _said_of_tracking(word.granted, day(word.at, zone)))
            continue
        verb = "Agreed to" if word.granted else "Does not want"
        sentence = f"{verb} `{word.topic}` emails: said so on {day(word.at, zone)} ({word.source})."
        yield Fact(f"consent.{word.topic}", word.granted, sentence)
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


def _said_of_tracking(allowed: bool, on: str) -> str:
    if allowed:
        return f"Agreed on {on} that clicks may be counted."
    return f"Objected on {on} to being measured: links lead straight on, and nothing is noted."


def _clicks(ground: Ground, customer_id: int, zone: str) -> Iterator[Fact]:
    found = dossier.clicks(ground.connection, customer_id, ground.now)
    emails = {one.promise for one in found if one.grade != Grade.MACHINE}
    if not found:
        return
    machines = len({one.promise for one in found}) - len(emails)
    also = f"; of {machines} more only machines followed links" if machines else ""
    last = next((one for one in found if one.grade != Grade.MACHINE), None)
    if last is None:
        yield Fact("clicks", 0, f"Has followed no link{also}.")
        return
    where = f" to {last.link}" if last.link else ""
    times = "1 email" if len(emails) == 1 else f"{len(emails)} emails"
    yield Fact("clicks", len(emails), f"Followed links of {times}, last on {day(last.at, zone)}{where}{also}.")


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
