"""The sending rate of a mail server: a token bucket in the database that every worker shares.

Time comes from the database. Workers' clocks differ: if they filled the bucket, a worker two seconds ahead would
credit those seconds again after each turn of the others. When the database's clock is set forward, the bucket is
filled once, at most to its capacity; when it is set back, nothing is removed and nobody waits for it to catch up.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, Double, bindparam, func, type_coerce, update

from regulars.db.database_time import database_micros
from regulars.db.engine import insert
from regulars.db.tables import buckets


def available(connection: Connection, provider: str, *, rate: float, burst: float) -> float:
    """The number of messages that may be sent now; can be below 1.

    The bucket holds at most `burst` and gains `rate` per second. It is locked until the end of the transaction, in
    which `spend` must subtract the messages taken.
    """
    now = database_micros()  # not the start of the transaction: the row lock may have been waited for in between
    postgresql = connection.dialect.name == "postgresql"
    least, greatest = (func.least, func.greatest) if postgresql else (func.min, func.max)
    full, gain = bindparam("burst", burst, Double), bindparam("rate", rate, Double)
    passed = greatest(0, now - type_coerce(buckets.c.filled_at, BigInteger))
    tokens = least(full, buckets.c.tokens + passed * gain / 1_000_000)
    refill = update(buckets).where(buckets.c.provider == provider).values(tokens=tokens, filled_at=now)
    refilled = connection.scalar(refill.returning(buckets.c.tokens))
    if refilled is not None:
        return float(refilled)
    create = insert(connection, buckets).values(provider=provider, tokens=burst, filled_at=now)
    created = connection.scalar(create.on_conflict_do_nothing().returning(buckets.c.tokens))
    # Another worker may have created it at the same moment: it has the burst, we retry.
    return 0.0 if created is None else float(created)


def spend(connection: Connection, provider: str, count: int) -> None:
    """Subtracts `count` messages from the provider's bucket."""
    connection.execute(update(buckets).where(buckets.c.provider == provider).values(tokens=buckets.c.tokens - count))
