"""Limits by receiving domain: which planned promises they concern, and how many of each mail provider may go now.

While limits are in force, every planned promise is labelled with the provider whose limit counts (`-` for none), so
that an index leads a claim past the rows of a provider whose rate is used up, however many there are. Without limits
no label is written and no statement runs. Rates are token buckets, filled by the database's clock and shared by all
lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, Text, case, delete, func, select, text, type_coerce, update
from sqlalchemy.sql import ColumnElement

from regulars.db.database_time import MICROS
from regulars.db.engine import insert
from regulars.db.locks import AdvisoryLock, lock
from regulars.db.states import State
from regulars.db.tables import buckets, customers, domain_limits, mail_domains, managers, promises
from regulars.rules.delivery_rules import REST

UNLIMITED = "-"
"""The label of promises without a limit."""
_BUCKET = "domain:"
_UNUSED = 86_400_000_000
"""Microseconds after which a bucket is full again, whatever its rate, and is removed."""


def put_in_force(connection: Connection, limits: Mapping[str, float], *, anew: bool = False) -> None:
    """Puts the limits (emails per second by domain) in force, and labels planned promises that have no label yet.

    All are labelled again where the limits differ from those before, or with `anew`, when providers have changed.
    Promises that somebody is settling at this moment are left out; the next call labels them.
    """
    wanted = _by_provider(connection, limits)
    if wanted != limits_in_force(connection):
        lock(connection, AdvisoryLock.DOMAIN_LIMITS)
        connection.execute(delete(domain_limits))
        rows = [{"provider": provider, "per_second": rate} for provider, rate in sorted(wanted.items())]
        connection.execute(insert(connection, domain_limits).values(rows).on_conflict_do_nothing())
        anew = True
    _label(connection, wanted, anew=anew)


def limits_in_force(connection: Connection) -> dict[str, float]:
    """Emails per second by mail provider."""
    return dict(connection.execute(select(domain_limits.c.provider, domain_limits.c.per_second)).all())


def limit_of(connection: Connection, promise: int) -> tuple[str, float] | None:
    """The provider whose limit counts for a planned promise, and its emails per second; None without a limit."""
    label = connection.scalar(select(promises.c.provider).where(promises.c.id == promise))
    limits = limits_in_force(connection)
    rate = limits.get(label or UNLIMITED, limits.get(REST))
    return None if label in {None, "", UNLIMITED} or rate is None else (str(label), rate)


def _by_provider(connection: Connection, limits: Mapping[str, float]) -> dict[str, float]:
    """The limits by mail provider; of several domains of one provider the lowest counts."""
    known = select(mail_domains.c.domain, mail_domains.c.provider).where(mail_domains.c.domain.in_(sorted(limits)))
    providers = dict(connection.execute(known).all())
    found: dict[str, float] = {}
    for domain, rate in limits.items():
        provider = providers.get(domain, domain)
        found[provider] = min(rate, found.get(provider, rate))
    return found


def _label(connection: Connection, limits: Mapping[str, float], *, anew: bool) -> None:
    planned = (promises.c.state == State.PLANNED, *(() if anew else (promises.c.provider == "",)))
    if connection.scalar(select(promises.c.id).where(*planned).limit(1)) is None:
        return
    domain = receiving_domain(connection)
    provider = func.coalesce(mail_domains.c.provider, domain)
    limited = func.coalesce(provider, "") != "" if REST in limits else provider.in_(sorted(limits))
    free = select(promises.c.id).where(*planned).with_for_update(skip_locked=True, of=promises).cte("free")
    labels = (
        select(free.c.id, case((limited, provider), else_=UNLIMITED).label("provider"))
        .select_from(free.join(promises, promises.c.id == free.c.id).join(customers))
        .outerjoin(managers, managers.c.id == customers.c.manager_id)
        .outerjoin(mail_domains, mail_domains.c.domain == domain)
        .subquery()
    )
    changed = (promises.c.id == labels.c.id, promises.c.provider != labels.c.provider)
    connection.execute(update(promises).where(*changed).values(provider=labels.c.provider))


def receiving_domain(connection: Connection) -> ColumnElement[str]:
    """The domain of the client's address, or of the manager's where the email is for the manager; NULL for none."""
    address = case((promises.c.recipient == "manager", managers.c.email), else_=customers.c.email)
    position = func.strpos if connection.dialect.name == "postgresql" else func.instr
    return type_coerce(func.lower(func.substr(address, position(address, "@") + 1)), Text)


# ------------------------------------------------------------ how many may be claimed


@dataclass(frozen=True, slots=True)
class Room:
    """How many planned promises with a label may be claimed now; `rate` is None for those without a limit."""

    provider: str
    rate: float | None
    tokens: float
    at: int
    """The instant of the reading, in microseconds by the database's clock."""


# The labels that occur, each found by one look into the index: the rows of a label are not read.
_LABEL = f"SELECT p.provider FROM promises p WHERE p.state = '{State.PLANNED}' AND p.provider <> ''"  # noqa: S608
_ROOMS = f"""
WITH RECURSIVE labels(provider) AS (
    SELECT ({_LABEL} ORDER BY p.provider LIMIT 1)
    UNION ALL
    SELECT ({_LABEL} AND p.provider > labels.provider ORDER BY p.provider LIMIT 1)
    FROM labels WHERE labels.provider IS NOT NULL
)
SELECT labels.provider, coalesce(own.per_second, other.per_second), b.tokens, b.filled_at, @NOW@
FROM labels
LEFT JOIN domain_limits own ON own.provider = labels.provider
LEFT JOIN domain_limits other ON other.provider = '{REST}'
LEFT JOIN buckets b ON b.provider = '{_BUCKET}' || labels.provider
WHERE labels.provider IS NOT NULL
"""  # noqa: S608 - constants, no data
_STATEMENTS = {dialect: text(_ROOMS.replace("@NOW@", now)) for dialect, now in MICROS.items()}


def rooms(connection: Connection) -> list[Room]:
    """What may be claimed of each label that occurs among planned promises, and is not used up.

    Locks the limits until the end of the transaction, in which `spend` must subtract what was claimed.
    """
    lock(connection, AdvisoryLock.DOMAIN_LIMITS)
    found = []
    for provider, rate, tokens, filled_at, now in connection.execute(_STATEMENTS[connection.dialect.name]):
        if provider == UNLIMITED or rate is None:
            found.append(Room(provider, None, float("inf"), now))
            continue
        burst = max(rate, 1.0)
        left = burst if tokens is None else min(burst, tokens + max(0, now - filled_at) * rate / 1_000_000)
        if left >= 1:
            found.append(Room(provider, rate, left, now))
    return found


def spend(connection: Connection, rooms: Mapping[str, Room], counts: Mapping[str, int]) -> None:
    """Subtracts the promises claimed, by label."""
    rows = [
        {"provider": _BUCKET + label, "tokens": rooms[label].tokens - count, "filled_at": rooms[label].at}
        for label, count in sorted(counts.items())
        if rooms[label].rate is not None
    ]
    for row in rows:
        statement = insert(connection, buckets).values(provider=row["provider"], tokens=row["tokens"], filled_at=0)
        filled = {"tokens": row["tokens"], "filled_at": type_coerce(row["filled_at"], BigInteger)}
        connection.execute(
            statement.values(filled_at=type_coerce(row["filled_at"], BigInteger)).on_conflict_do_update(
                index_elements=["provider"], set_=filled
            )
        )


def give_back(connection: Connection, counts: Mapping[str, int]) -> None:
    """Adds promises that were claimed and not sent, by label."""
    for label, count in sorted(counts.items()):
        if label != UNLIMITED:
            bucket = buckets.c.provider == _BUCKET + label
            connection.execute(update(buckets).where(bucket).values(tokens=buckets.c.tokens + count))


def forget_unused(connection: Connection) -> None:
    """Removes the buckets of domains that nothing was sent to for a day."""
    now = text(MICROS[connection.dialect.name])
    old = type_coerce(buckets.c.filled_at, BigInteger) < select(now).scalar_subquery() - _UNUSED
    connection.execute(delete(buckets).where(buckets.c.provider.startswith(_BUCKET), old))
