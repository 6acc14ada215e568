"""`/metrics`: only for its key, in a form that Prometheus reads, and with the figures of the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from regulars.core import api_keys
from regulars.core.outage_cause import OutageCause
from regulars.db.engine import open_engine, write
from regulars.db.states import Reason, State
from regulars.db.tables import suppressions
from regulars.delivery.latency import LONGER
from regulars.ledger.lane_states import LaneOutage, note_outage
from regulars.ledger.switches import Scope, Target, pause
from regulars.ledger.worker_activity import Counted, Tally, record_activity, record_latencies
from regulars.operation.database_upgrade import upgrade_database
from tests.common.people import SECRET, add_customer
from tests.web.shop import NOW, Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose workers sent three emails; one waits, one is held."""
    engine = open_engine(f"sqlite:///{tmp_path / 'regulars.sqlite'}")
    upgrade_database(engine, secret=SECRET)
    with open_shop(engine) as found:
        yield found
    engine.dispose()


def scraped(shop: Shop, key: str | None = None) -> dict[tuple[str, str], float]:
    key = api_keys.make("prometheus", ["metrics"], SECRET) if key is None else key
    answer = shop.ask("GET", "/metrics", headers={"authorization": f"Bearer {key}"})
    assert answer.status == 200, answer.text
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def work(shop: Shop) -> None:
    with write(shop.engine) as connection:
        ada = add_customer(connection, "ada")
    shop.promise(ada, occurrence="1", state=State.PLANNED, next_at=NOW)
    shop.promise(ada, occurrence="2", state=State.HELD, reason=Reason.CAP, next_at=NOW)
    with write(shop.engine) as connection:
        connection.execute(insert(suppressions).values(email_hash="h", scope="all", reason="manual", at=NOW))
        done = {(Counted.SETTLED, "sent"): Tally(3), (Counted.DELIVERED, "default"): Tally(3, 1.5)}
        record_activity(connection, "host:1", "1.0", done)
        done = {(Counted.SETTLED, "sent"): Tally(2), (Counted.PLANS, ""): Tally(1, 0.25)}
        record_activity(connection, "host:2", "1.0", done)
        for _ in range(2):
            record_latencies(connection, {("mail:25", 50): (3, 0.12), ("mail:25", LONGER): (1, 40.0)})
        note_outage(
            connection,
            LaneOutage(
                "default", frozenset({"marketing"}), "mail:587", "x", NOW, None, NOW, NOW, OutageCause.CERTIFICATE
            ),
        )
        pause(connection, Target(Scope.ALL), who="ada", why=None, wall=NOW)


def test_latencies_are_a_histogram_by_server(shop: Shop) -> None:
    work(shop)
    key = api_keys.make("prometheus", ["metrics"], SECRET)
    text = shop.ask("GET", "/metrics", headers={"authorization": f"Bearer {key}"}).text
    name = "regulars_smtp_latency_seconds"
    for bound, number in (("0.025", 0), ("0.05", 6), ("30.0", 6), ("+Inf", 8)):
        assert f'{name}_bucket{{le="{bound}",server="mail:25"}} {number}.0' in text
    assert f'{name}_count{{server="mail:25"}} 8.0' in text
    assert f'{name}_sum{{server="mail:25"}} 80.24' in text


def test_what_waits_what_is_done_and_who_works(shop: Shop) -> None:
    work(shop)
    found = scraped(shop)
    assert found["regulars_emails_ready", "marketing"] == 1
    assert found["regulars_queue_age_seconds", "marketing"] > 0
    assert found["regulars_emails_held", "cap"] == 1
    assert found["regulars_emails_settled_total", "sent"] == 5
    assert found["regulars_emails_delivered_total", "default"] == 3
    assert found["regulars_delivery_seconds_total", "default"] == 1.5
    assert (found["regulars_plan_runs_total", ""], found["regulars_plan_seconds_total", ""]) == (1, 0.25)
    assert found["regulars_workers", "1.0"] == 2
    assert found["regulars_pauses", "all"] == 1
    assert found["regulars_server_away", "certificate"] == 1
    assert found["regulars_suppressed_addresses", ""] == 1
    assert found["regulars_rules_faulty", ""] == 0
    assert abs(found["regulars_clock_ahead_seconds", ""]) < 5


def test_only_its_key_opens_it(shop: Shop) -> None:
    assert shop.get("/metrics").status == 401
    till = api_keys.make("till-1", ["coupons"], SECRET)
    assert shop.ask("GET", "/metrics", headers={"authorization": f"Bearer {till}"}).status == 403
