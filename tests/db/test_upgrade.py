from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from regulars.core.errors import EnvironmentFailed
from regulars.core.ids import address_hash
from regulars.db import upgrade
from regulars.db.engine import open_engine, read, write
from regulars.db.tables import metadata
from regulars.operation.database_upgrade import upgrade_database
from tests.common.people import SECRET

pytestmark = pytest.mark.slow


def test_migrations_make_exactly_the_tables_of_the_code(empty: Engine) -> None:
    upgrade_database(empty, secret=SECRET)
    with read(empty) as connection:
        sqlite = connection.dialect.name == "sqlite"
        options = {
            "compare_type": True,
            "compare_server_default": not sqlite,
            # Read back from SQLite an index says nothing of the direction of its columns.
            "include_object": lambda _thing, name, *_: (
                not (sqlite and name in {"ix_promises_planned", "ix_promises_provider"})
            ),
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_is_upgrading_once(empty: Engine) -> None:
    assert upgrade.current(empty) is None
    assert (
        upgrade_database(empty, secret=SECRET)
        == upgrade.head()
        == upgrade_database(empty, secret=SECRET)
        == upgrade.current(empty)
    )
    upgrade.require_current(empty)


def test_processes_that_start_together_upgrade_once(empty: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: upgrade_database(empty, secret=SECRET), range(4))) == {upgrade.head()}


def test_a_failed_upgrade_leaves_nothing_behind(empty: Engine) -> None:
    with write(empty) as connection:
        connection.execute(text("CREATE TABLE members (wrong INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        upgrade_database(empty, secret=SECRET)
    assert inspect(empty).get_table_names() == ["members"]


def test_an_empty_database_is_told_what_to_run(empty: Engine) -> None:
    with pytest.raises(EnvironmentFailed, match=r"empty.*run `regulars db upgrade`"):
        upgrade.require_current(empty)


def test_a_database_of_a_later_version_is_left_alone(empty: Engine) -> None:
    upgrade_database(empty, secret=SECRET)
    with write(empty) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for step in (upgrade.require_current, partial(upgrade_database, secret=SECRET)):
        with pytest.raises(EnvironmentFailed, match="9999, which this version does not know"):
            step(empty)


def test_the_folder_of_an_embedded_database_is_made(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'shop' / 'var' / 'regulars.sqlite'}")
    upgrade_database(engine, secret=SECRET)
    upgrade.require_current(engine)
    engine.dispose()


def test_what_workers_of_the_old_version_had_in_hand_is_free_or_named(empty: Engine) -> None:
    upgrade_database(empty, "0009", secret=SECRET)
    with write(empty) as connection:
        connection.execute(
            text("INSERT INTO claims VALUES (7, 'w', 0, 0, :sending), (8, 'w', 0, 0, NULL)"), {"sending": "[1]"}
        )
        connection.execute(
            text("INSERT INTO customers (id, external_id, bucket, created_at, updated_at) VALUES (1, 'c', 0, 0, 0)")
        )
        for row in range(1, 4):
            connection.execute(
                text(
                    "INSERT INTO promises (id, campaign, step, customer_id, occurrence, state, kind, rule, due_at,"
                    " expires_at, next_at, created_at, claim_id)"
                    " VALUES (:id, 'c', 's', 1, :id, 'claimed', 'marketing', 'r', 0, 0, 0, 0, :claim)"
                ),
                {"id": row, "claim": 7 if row < 3 else 8},
            )
    upgrade_database(empty, secret=SECRET)
    with read(empty) as connection:
        states = connection.execute(text("SELECT state, claim_id FROM promises ORDER BY id")).all()
        assert states == [("uncertain", 7), ("planned", None), ("planned", None)]
        assert connection.execute(text("SELECT count(*) FROM claims")).scalar() == 0


def test_a_no_said_before_mailboxes_counted_holds_for_the_mailbox(empty: Engine) -> None:
    upgrade_database(empty, "0011", secret=SECRET)
    address, ada = "j\u00fcri@p\u00f5ld.example", address_hash("ada@client.example", SECRET)
    with write(empty) as connection:
        for key, email, mark in ((1, "ada@client.example", ada), (2, address, "an earlier spelling"), (3, None, None)):
            connection.execute(
                text(
                    "INSERT INTO customers (id, external_id, email, email_hash, bucket, created_at, updated_at)"
                    " VALUES (:id, :name, :email, :mark, 0, 0, 0)"
                ),
                {"id": key, "name": f"c-{key}", "email": email, "mark": mark},
            )
            connection.execute(
                text(
                    "INSERT INTO consents (customer_id, topic, granted, at, source)"
                    " VALUES (:id, 'marketing', :granted, 5, 'page')"
                ),
                {"id": key, "granted": False},
            )
    upgrade_database(empty, secret=SECRET)
    with read(empty) as connection:
        found = set(connection.scalars(text("SELECT email_hash FROM refusals WHERE topic = 'marketing'")))
        assert found == {ada, "an earlier spelling", address_hash(address, SECRET)}
        assert connection.scalar(text("SELECT email_hash FROM customers WHERE id = 2")) == address_hash(address, SECRET)


def test_clients_who_are_there_keep_the_names_of_their_emails(empty: Engine) -> None:
    upgrade_database(empty, "0016", secret=SECRET)
    with write(empty) as connection:
        for key in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO customers (id, external_id, bucket, created_at, updated_at)"
                    " VALUES (:id, :name, :bucket, 0, 0)"
                ),
                {"id": key, "name": f"c-{key}", "bucket": key + 40},
            )
    upgrade_database(empty, secret=SECRET)
    with read(empty) as connection:
        rows = connection.execute(text("SELECT external_id, uid, bucket FROM customers ORDER BY id")).all()
        assert rows == [("c-1", "c-1", 41), ("c-2", "c-2", 42)]


def test_an_upgrade_with_another_secret_than_that_of_the_addresses_is_refused(empty: Engine) -> None:
    upgrade_database(empty, "0016", secret=SECRET)
    with write(empty) as connection:
        connection.execute(
            text(
                "INSERT INTO customers (id, external_id, email, email_hash, bucket, created_at, updated_at)"
                " VALUES (1, 'c', 'ada@client.example', :mark, 0, 0, 0)"
            ),
            {"mark": address_hash("ada@client.example", SECRET)},
        )
    with pytest.raises(EnvironmentFailed, match="REGULARS_ADDRESS_SECRET"):
        upgrade_database(empty, secret=b"another")
    assert upgrade.current(empty) == "0016"
    upgrade_database(empty, secret=SECRET)
