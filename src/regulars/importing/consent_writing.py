"""Writes what the rows of a file say about consent: opt-outs, consents with their dates, and suppressions.

An import can withdraw consent and suppress, never restore.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from regulars.consent import rights
from regulars.consent.suppression import add_suppressions
from regulars.db.states import SuppressionReason
from regulars.db.tables import customers
from regulars.importing.consent_cells import ConsentWord
from regulars.importing.consent_columns import ConsentState
from regulars.profile.identity import clients_named

SUPPRESSED: Mapping[ConsentState, SuppressionReason] = {
    ConsentState.NO_MARKETING: SuppressionReason.MANUAL,
    ConsentState.NO_EMAIL: SuppressionReason.MANUAL,
    ConsentState.BLOCKED: SuppressionReason.MANUAL,
    ConsentState.BOUNCED: SuppressionReason.BOUNCED,
    ConsentState.COMPLAINED: SuppressionReason.COMPLAINED,
}
"""States whose address gets no email at all, or no marketing, with the reason of the suppression."""
_PLAIN = frozenset({ConsentState.SUBSCRIBED, ConsentState.LEFT})
"""States that the log need not name beside a yes or a no."""
_NOTES = {
    "never": "rows are of people who never subscribed; they get no marketing",
    "silent": "rows say only that their person has not opted out, which is no consent; nothing was recorded for them",
    "unread": "dates of consent could not be read, so these rows count from today",
    "suppressed": "addresses bounced, complained or were blocklisted; they are suppressed",
}


def write_consent(
    connection: Connection, words: Mapping[str, ConsentWord], notes: Counter[str], *, now: datetime, source: str
) -> set[int]:
    """Writes the words of clients, by their outside ids; the keys of clients for whom something is new."""
    if not words:
        return set()
    found = clients_named(connection, words, customers.c.id)
    answers: dict[tuple[bool, ConsentState], list[int]] = defaultdict(list)
    dates: dict[int, datetime] = {}
    for name, key in found.items():
        word = words[name]
        _count(word, notes)
        if word.granted is None:
            continue
        answers[word.granted, ConsentState.SUBSCRIBED if word.granted else word.gravest].append(key)
        if word.at is not None:
            dates[key] = word.at
    changed: set[int] = set()
    for (yes, state), keys in sorted(answers.items()):
        record = rights.ConsentRecord(rights.MARKETING, now, source, None if state in _PLAIN else {"state": str(state)})
        own = {key: dates[key] for key in keys if key in dates}
        write = rights.grant_imported if yes else rights.withdraw_all
        changed |= write(connection, keys, record, own)
    return changed | _suppress(connection, words, notes, now=now, source=source)


def _count(word: ConsentWord, notes: Counter[str]) -> None:
    if word.unread:
        notes[_NOTES["unread"]] += 1
    if word.gravest is ConsentState.NEVER:
        notes[_NOTES["never"]] += 1
    if word.states == {ConsentState.SILENT}:
        notes[_NOTES["silent"]] += 1


def _suppress(
    connection: Connection, words: Mapping[str, ConsentWord], notes: Counter[str], *, now: datetime, source: str
) -> set[int]:
    """Suppresses the addresses of clients with such a state; the keys of those for whom that is new."""
    named = {name: word for name, word in words.items() if word.states & SUPPRESSED.keys()}
    if not named:
        return set()
    asked: dict[str, rights.Suppression] = {}
    for name, mailbox in clients_named(connection, named, customers.c.email_hash).items():
        if mailbox is not None:
            word = named[name]
            at = word.date_of(SUPPRESSED) or now
            worst = _worst(word)
            scope: rights.Scope = "marketing" if worst is ConsentState.NO_MARKETING else "all"
            known = asked.get(mailbox)
            if known is None or known.scope == rights.MARKETING:  # several clients of one mailbox: the widest
                asked[mailbox] = rights.Suppression(mailbox, scope, SUPPRESSED[worst], at, word.reason)
    done = add_suppressions(connection, asked.values(), now=now, by=source)
    if done.changed:
        notes[_NOTES["suppressed"]] += len(done.changed)
    return {key for key, _ in rights.with_addresses(connection, done.changed)}


def _worst(word: ConsentWord) -> ConsentState:
    """The state that the suppression names: a bounce before a blocklisting, which it often causes."""
    state = ConsentState
    order = (state.COMPLAINED, state.BOUNCED, state.BLOCKED, state.NO_EMAIL, state.NO_MARKETING)
    return next(one for one in order if one in word.states)
