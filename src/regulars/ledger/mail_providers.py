"""The mail providers of receiving domains, as they were looked up; answers expire by the database's clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from sqlalchemy import BigInteger, Connection, delete, or_, select, type_coerce

from regulars.db.database_time import database_micros, database_time
from regulars.db.engine import insert
from regulars.db.states import State
from regulars.db.tables import customers, mail_domains, managers, promises
from regulars.ledger.domain_limits import receiving_domain
from regulars.rules.delivery_rules import REST

_EXPIRES = type_coerce(mail_domains.c.expires_at, BigInteger)
_FORGOTTEN = timedelta(days=30)
"""So long after it has expired, an answer that nobody asked for again is removed."""


def unknown_domains(connection: Connection, limited: Collection[str], most: int) -> list[str]:
    """Domains without a valid answer: those that are limited, and those of planned promises; at most so many."""
    valid = dict(
        connection.execute(
            select(mail_domains.c.domain, mail_domains.c.provider).where(database_micros() < _EXPIRES)
        ).all()
    )
    domain = receiving_domain(connection)
    waiting = (
        select(domain)
        .select_from(promises.join(customers).outerjoin(managers, managers.c.id == customers.c.manager_id))
        .outerjoin(mail_domains, mail_domains.c.domain == domain)
        .where(promises.c.state == State.PLANNED, domain.is_not(None), domain != "")
        .where(or_(mail_domains.c.domain.is_(None), database_micros() >= _EXPIRES))
        .distinct()
        .limit(most)
    )
    own = [name for name in limited if name != REST and name not in valid]
    return list(dict.fromkeys([*own, *connection.scalars(waiting)]))[:most]


def store(connection: Connection, found: Mapping[str, tuple[str | None, timedelta]]) -> bool:
    """Stores the answers; where there was none, the one before counts on. Whether any provider has changed."""
    query = select(mail_domains.c.domain, mail_domains.c.provider).where(mail_domains.c.domain.in_(sorted(found)))
    before = dict(connection.execute(query).all())
    now = database_time(connection)
    changed = False
    for domain, (answered, valid) in sorted(found.items()):
        provider = answered or before.get(domain, domain)
        changed = changed or provider != before.get(domain, domain)
        row = {"provider": provider, "expires_at": now + valid}
        statement = insert(connection, mail_domains).values(domain=domain, **row)
        connection.execute(statement.on_conflict_do_update(index_elements=["domain"], set_=row))
    connection.execute(delete(mail_domains).where(mail_domains.c.expires_at < now - _FORGOTTEN))
    return changed
