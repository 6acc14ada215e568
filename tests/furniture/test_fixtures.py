"""The fixtures themselves: other rooms' tests stand on them."""

from __future__ import annotations

import smtplib
from decimal import Decimal

import redis
from kombu import Connection as Broker
from sqlalchemy import Engine, func, select

from regulars.db import tables
from regulars.db.engine import read, write
from tests.common import databases, people
from tests.common.smtp import Inbox


def _story(engine: Engine) -> None:
    with write(engine) as conn:
        assert conn.execute(select(func.count()).select_from(tables.customers)).scalar_one() == 0
        people.add_manager(conn, "m-1")
        ada = people.add_customer(conn, "ada", manager="m-1", birthday="1990-02-28")
        assert ada == 1
        people.add_product(conn, "mower")
        people.add_product(conn, "chainsaw")
        people.add_link(conn, "mower", "next", "chainsaw", after_days=90)
        people.add_purchase(conn, ada, "2026-01-10", "mower", "chainsaw", amount="12.50")
        people.add_event(conn, ada, "meeting.completed", "2026-01-11T10:00", {"agreed": ["price"]})
        people.add_suppression(conn, "bo@client.example")
    with read(engine) as conn:
        assert conn.execute(select(tables.purchases.c.amount)).scalar_one() == Decimal("12.50")
        assert conn.execute(select(tables.events.c.data)).scalar_one() == {"agreed": ["price"]}
        assert conn.execute(select(tables.consents.c.granted)).scalar_one() is True


def test_a_database_is_empty_and_takes_people(engine: Engine) -> None:
    _story(engine)


def test_the_next_test_finds_it_empty_again(engine: Engine) -> None:
    _story(engine)


def test_an_open_transaction_does_not_block_the_next_test(postgres_engine: Engine) -> None:
    with postgres_engine.connect() as forgotten:
        people.add_customer(forgotten, "bo")
        databases.empty(postgres_engine.url.render_as_string(hide_password=False))
        forgotten.invalidate()
    _story(postgres_engine)


def test_redis_is_empty(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_rabbitmq_carries_a_message(rabbitmq_url: str) -> None:
    with Broker(rabbitmq_url) as broker:
        queue = broker.SimpleQueue("hello")
        queue.put({"n": 1})
        assert queue.get(timeout=10).payload == {"n": 1}
        queue.close()


def test_the_inbox_keeps_what_arrives(smtp_inbox: Inbox) -> None:
    with smtplib.SMTP(smtp_inbox.host, smtp_inbox.port) as client:
        client.sendmail("a@studio.example", ["b@client.example"], b"Subject: Hi\r\n\r\nHello\r\n")
    (received,) = smtp_inbox.wait(1)
    assert received.recipients == ("b@client.example",)
    assert received.message["subject"] == "Hi"
