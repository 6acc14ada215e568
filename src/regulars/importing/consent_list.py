"""Decisions of clients about topics, from an export: who said yes or no to what, when, where, to which words.

The rules of every import hold: a yes counts only where neither the client nor their mailbox has decided before, a no
always. The same decision with an earlier date, as an export has it, replaces date, source and words of the later one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Boolean, ColumnElement, Connection, Table, Text, and_, or_, select, update

from regulars.consent import rights
from regulars.db.engine import insert
from regulars.db.rowset import Types, rowset
from regulars.db.tables import consent_log, consents, customers, refusals
from regulars.db.types import Instant, Key, from_micros, to_micros
from regulars.importing import cells, column_names, date_formats
from regulars.importing.columns import Column
from regulars.importing.exported_hashes import hash_reader, refuse_foreign
from regulars.importing.rows import Importer, Row, Written
from regulars.profile.identity import clients_named

_GIVEN: Types = {
    "customer_id": Key, "topic": Text(), "granted": Boolean(), "at": Instant(), "source": Text(), "wording": Text(),
}  # fmt: skip
_MAILBOX: Types = {"email_hash": Text(), "topic": Text(), "at": Instant(), "source": Text()}
_LATER = "rows say yes where the client or their mailbox has said no; nothing was changed for them"


def _words(raw: Any) -> str | None:
    return cells.plain(raw).strip() or None


class Consents(Importer):
    """Decisions by client, or by the hash of a mailbox; of a mailbox only a no."""

    needed: ClassVar = (("customer", "email_hash"), ("topic",), ("granted",))

    def columns(self) -> Sequence[Column]:
        options = self.options
        readers: Mapping[str, cells.Reader] = {
            "customer": cells.text(254),
            "email_hash": hash_reader(self.secret),
            "topic": cells.text(120),
            "granted": cells.yes_or_no,
            "at": date_formats.moment(options.dates, options.timezone, self.now),
            "source": cells.text(200),
            "wording": _words,
        }
        return [Column(name, read, column_names.CONSENTS[name]) for name, read in readers.items()]

    def check(self, row: Row) -> None:
        if row.get("customer") is None and row.get("email_hash") is None:
            row.refuse("does not say which customer", name="customer")
        if row.get("customer") is None:
            refuse_foreign(row)
        for name in ("topic", "granted"):
            if row.get(name) is None:
                row.refuse(f"has no `{name}`", name=name)
        if row.get("granted") and row.get("customer") is None:
            row.refuse("is a yes of a mailbox without a client, which nobody can give", name="granted")
        if not row.faults:
            self.refuse_twin_of(row)

    def refuse_twin_of(self, row: Row) -> None:
        """Refuses a second decision about one topic: which one holds would depend on their order."""
        key = f"{row.get('customer') or row.get('email_hash')} {row.get('topic')}"
        first = self.seen.first(key, row.line)
        if first != row.line:
            row.refuse(f"this topic of the client is on {row.unit} {first} already", "keep one of the two rows")

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        rows = [row for (row,) in units]
        named = clients_named(connection, (row.get("customer") for row in rows), customers.c.id)
        theirs: list[list[Any]] = []
        mailboxes: list[list[Any]] = []
        for row in rows:
            at = row.get("at").micros if row.get("at") else to_micros(self.now)
            decision = [row.get("topic"), row.get("granted"), at, row.get("source") or self.options.source]
            if row.get("customer") is None:
                mailboxes.append([row.get("email_hash"), decision[0], *decision[2:]])
            elif row.get("customer") in named:
                theirs.append([named[row.get("customer")], *decision, row.get("wording")])
            else:
                name = row.get("customer")
                row.refuse(f"customer `{name}` is not known", "import customers first", "customer")
        added = _refuse_mailboxes(connection, mailboxes)
        fresh = self._new(connection, theirs)
        changed = self._withdrawn(connection, [one for one in theirs if not one[2]]) | _dated(connection, theirs)
        changed -= fresh
        good = sum(not row.faults for row in rows)
        return Written(added + len(fresh), len(changed), good - added - len(fresh) - len(changed))

    def _new(self, connection: Connection, theirs: Sequence[list[Any]]) -> set[tuple[int, str]]:
        """Writes first decisions with everything that the row says of them, and their lines in the log."""
        given = rowset(connection, "given", _GIVEN, theirs)
        refused = (
            select(refusals.c.topic)
            .join(customers, customers.c.email_hash == refusals.c.email_hash)
            .where(customers.c.id == given.c.customer_id, refusals.c.topic == given.c.topic)
        )
        free = select(given).where(given.c.topic.is_not(None), or_(given.c.granted.is_(False), ~refused.exists()))
        statement = insert(connection, consents).from_select(list(_GIVEN), free).on_conflict_do_nothing()
        fresh = {
            tuple(row) for row in connection.execute(statement.returning(consents.c.customer_id, consents.c.topic))
        }
        lines = [
            {"customer_id": key, "topic": topic, "granted": granted, "at": from_micros(at), "source": source,
             "detail": {"brought by": self.options.source}}
            for key, topic, granted, at, source, _ in theirs
            if (key, topic) in fresh
        ]  # fmt: skip
        if lines:
            connection.execute(consent_log.insert(), lines)
        agreed = select(consents.c.customer_id, consents.c.topic).join(
            given, and_(given.c.customer_id == consents.c.customer_id, given.c.topic == consents.c.topic)
        )
        yes = {tuple(row) for row in connection.execute(agreed.where(consents.c.granted.is_(True)))}
        late = sum(bool(one[2]) and (one[0], one[1]) not in yes for one in theirs)
        if late:
            self.notes[_LATER] += late
        return fresh

    def _withdrawn(self, connection: Connection, withdrawn: Sequence[list[Any]]) -> set[tuple[int, str]]:
        """Withdraws what was granted before, and applies every no to the client's mailbox."""
        groups: dict[tuple[str, str], dict[int, datetime]] = defaultdict(dict)
        for key, topic, _, at, source, _ in withdrawn:
            groups[topic, source][key] = from_micros(at)
        changed = set()
        for (topic, source), dates in sorted(groups.items()):
            record = rights.ConsentRecord(topic, self.now, source, {"brought by": self.options.source})
            changed |= {(key, topic) for key in rights.withdraw_all(connection, dates, record, dates)}
        return changed


def _refuse_mailboxes(connection: Connection, rows: Sequence[list[Any]]) -> int:
    """Writes opt-outs of mailboxes, which hold for every client who has the address; returns how many are new."""
    if not rows:
        return 0
    given = rowset(connection, "given", _MAILBOX, rows)
    known = select(given).where(given.c.email_hash.is_not(None))
    statement = insert(connection, refusals).from_select(list(_MAILBOX), known).on_conflict_do_nothing()
    return len(connection.execute(statement.returning(refusals.c.email_hash)).all())


def _dated(connection: Connection, theirs: Sequence[list[Any]]) -> set[tuple[int, str]]:
    """Gives a known decision the earlier date that the row has for it, with the row's source and words."""
    if not theirs:
        return set()
    given = rowset(connection, "given", _GIVEN, theirs)
    same = and_(consents.c.customer_id == given.c.customer_id, consents.c.topic == given.c.topic,
                consents.c.granted == given.c.granted, given.c.at <= consents.c.at)  # fmt: skip
    changed = _take_over(connection, consents, given, same, ("at", "source", "wording"), "customer_id")
    theirs_now = (
        select(customers.c.email_hash, given.c.topic, given.c.at, given.c.source)
        .join(customers, customers.c.id == given.c.customer_id)
        .where(given.c.granted.is_(False))
        .subquery("theirs_now")
    )
    mailbox = and_(refusals.c.email_hash == theirs_now.c.email_hash, refusals.c.topic == theirs_now.c.topic,
                   theirs_now.c.at <= refusals.c.at)  # fmt: skip
    _take_over(connection, refusals, theirs_now, mailbox, ("at", "source"), "email_hash")
    return changed


def _take_over(
    connection: Connection, table: Table, given: Any, same: ColumnElement[bool], names: Sequence[str], key: str
) -> set[tuple[Any, str]]:
    differs = or_(*(table.c[name].is_distinct_from(given.c[name]) for name in names))
    values: Mapping[str, Any] = {name: given.c[name] for name in names}
    statement = update(table).values(values).where(same, differs).returning(table.c[key], table.c.topic)
    return {(row[0], row[1]) for row in connection.execute(statement)}
