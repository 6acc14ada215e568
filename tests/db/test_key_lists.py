"""Lists of keys as one parameter, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import BigInteger, Column, Engine, MetaData, Table, Text, bindparam, insert, select

from regulars.db.engine import dry_run
from regulars.db.key_lists import among, keys_column, listing, size
from regulars.db.types import Keys

SCRATCH = Table("scratch", MetaData(), Column("id", BigInteger, primary_key=True), Column("rows", Keys))
LISTS = [[], [7], [3, 1, 2], [2**62, -5], list(range(5000))]


@pytest.mark.parametrize("keys", LISTS, ids=lambda keys: f"{len(keys)} keys")
def test_a_list_is_kept_and_counted(empty: Engine, keys: list[int]) -> None:
    with dry_run(empty) as connection:
        SCRATCH.create(connection)
        connection.execute(insert(SCRATCH).values(id=1, rows=keys_column(keys)))
        assert connection.execute(select(SCRATCH.c.rows, size(SCRATCH.c.rows))).one() == (keys, len(keys))


@pytest.mark.parametrize("keys", LISTS, ids=lambda keys: f"{len(keys)} keys")
def test_rows_are_found_by_a_list(empty: Engine, keys: list[int]) -> None:
    there = [1, 2, 8, 2**62]
    again = select(SCRATCH.c.id).where(among(SCRATCH.c.id, bindparam("keys", type_=Text)))
    with dry_run(empty) as connection:
        SCRATCH.create(connection)
        connection.execute(insert(SCRATCH), [{"id": key, "rows": []} for key in there])
        found = set(connection.scalars(select(SCRATCH.c.id).where(among(SCRATCH.c.id, keys))))
        assert found == set(there).intersection(keys)
        assert set(connection.scalars(again, {"keys": listing(keys)})) == found
