"""Several servers: shares by weight, failover without a copy, warm-ups, and what is reported of them."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from regulars.core import clock
from regulars.db.engine import read
from regulars.explain.explain import explain
from regulars.ledger.server_states import server_outages
from regulars.operation.surroundings import stopped, troubles
from tests.common.bench import at
from tests.common.recorder import Recorder
from tests.common.servers import free_port, wait_for
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, Office

pytestmark = pytest.mark.slow


def by_pool(office: Office, delivery: Mapping[str, Any], **campaign: Any) -> None:
    """A workspace with one campaign that is sent as the section says."""
    write_workspace(office.root, {"news": {**NEWS, **campaign}})
    (office.root / "campaigns" / "delivery.yaml").write_text(yaml.safe_dump({"delivery": delivery}), encoding="utf-8")


def test_a_server_dies_in_mid_run_and_the_other_completes_it_without_a_copy(
    open_office: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        east, west = (
            stack.enter_context(Recorder(tmp_path / f"accepted-{name}", pause=0.003)) for name in ("east", "west")
        )
        office = open_office(
            "smtp://127.0.0.1:9", REGULARS_SMTP_URL_EAST=east.url, REGULARS_SMTP_URL_WEST=west.url, REGULARS_CHUNK="40"
        )
        by_pool(office, {"servers": {"east": None, "west": None}, "pools": {"default": {"east": 3, "west": 1}}})
        office.clients(*(f"c{number}" for number in range(240)))
        office.plan()

        def kill() -> None:
            wait_for(lambda: east.count() >= 60, "a part was accepted")
            os.kill(east._process.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        with caplog.at_level(logging.WARNING):
            summary = office.dispatch()
        killer.join()
        assert "mail server east of lane default is away" in caplog.text
        assert "its emails go by west" in caplog.text
        taken = [name for name, _ in [*east.accepted(), *west.accepted()]]
        states = {row["message_id"]: row["state"] for row in office.rows()}
    assert not summary.down
    assert len(taken) == len(set(taken)), "nobody has a copy"
    assert set(states.values()) <= {"sent", "uncertain"}
    assert {name for name, state in states.items() if state == "sent"} <= set(taken)
    assert list(states.values()).count("uncertain") <= 4, "at most what was in flight, on four connections"
    assert len(states) == 240
    assert 60 <= east.count() < 180, "it had its share until it died"
    (outage,) = outages_of(office)
    assert (outage.server, outage.lane) == ("east", "default")
    assert list(troubles(office.engine, clock.system)) == [], "mail goes"
    (trouble,) = stopped(office.engine)
    assert trouble.full == str(outage)
    assert trouble.brief == "mail server east is away, others take its mail"


def outages_of(office: Office) -> list[Any]:
    with read(office.engine) as connection:
        return server_outages(connection)


def test_a_server_that_is_back_is_used_again_by_itself(open_office: Open, smtp_inbox: Inbox) -> None:
    port = free_port()
    urls = {"REGULARS_SMTP_URL_EAST": f"smtp://127.0.0.1:{port}", "REGULARS_SMTP_URL_SPARE": smtp_inbox.url}
    office = open_office("smtp://127.0.0.1:9", **urls)
    by_pool(office, {"servers": {"east": {}, "spare": {}}, "pools": {"default": {"east": 1, "spare": 0}}})
    office.clients("ada", "bo")
    office.tick()
    assert office.states() == {"ada": ("sent", None), "bo": ("sent", None)}
    assert len(smtp_inbox.messages) == 2, "the spare took what the first could not"
    assert [outage.server for outage in outages_of(office)] == ["east"]
    with Inbox(port) as back:
        wait_for(lambda: not office.dispatch().down and not outages_of(office), "its recovery was recorded")
        office.clients("cy")
        office.tick("2026-06-10T13:00")
        assert len(back.messages) == 1, "the spare rests again"


def test_a_server_without_a_url_is_an_outage_that_says_which_variable_is_missing(
    open_office: Open, smtp_inbox: Inbox
) -> None:
    office = open_office(smtp_inbox.url, REGULARS_SMTP_URL_BAD="smtp://host:no-port")
    by_pool(office, {"servers": {"east-1": {}, "bad": {}}})
    office.clients("ada")
    summary = office.tick()
    assert "REGULARS_SMTP_URL_EAST_1 is not set" in str(summary.down["default"])
    assert "(in REGULARS_SMTP_URL_BAD)" in str(summary.down["default"])
    (trouble,) = troubles(office.engine, clock.system)
    assert "REGULARS_SMTP_URL_EAST_1 is not set" in trouble.full
    assert not smtp_inbox.messages, "the URL without a name is not used in secret"
    told = explain(office.engine, office.runtime.rules, "ada", "news", at(NOON)).campaigns[0].sentence
    assert "REGULARS_SMTP_URL_EAST_1 is not set" in told


def test_a_warm_up_holds_the_rest_for_the_next_day_over_all_workers(open_office: Open, smtp_inbox: Inbox) -> None:
    urls = {"REGULARS_SMTP_URL_EAST": smtp_inbox.url, "REGULARS_CHUNK": "2"}
    office, other = (open_office(smtp_inbox.url, **urls) for _ in range(2))
    warm_up = {"start": 3, "grow": "2 per day", "until": 100}
    by_pool(office, {"servers": {"east": {"warm_up": warm_up, "rate": "1000 per second"}}}, late="30 days")
    office.clients(*(f"c{number}" for number in range(30)))
    office.plan("2026-06-10T12:00")
    by_day = []
    for day in ("2026-06-10", "2026-06-11", "2026-06-13", "2026-06-14"):  # on the 12th nobody works: no step
        before = len(smtp_inbox.messages)
        first, second = office.dispatch(f"{day}T12:00"), other.dispatch(f"{day}T18:00")
        by_day.append(len(smtp_inbox.messages) - before)
        assert first.stopped == second.stopped == (day != "2026-06-14")
        if day == "2026-06-10":
            assert "its warm-up allows 3 emails on 2026-06-10" in second.full["default"]
            waits = next(row["customer"] for row in office.rows() if row["state"] == "planned")
            told = explain(office.engine, office.runtime.rules, waits, "news", at(f"{day}T18:00")).campaigns[0]
            assert "may go, but mail server east: its warm-up allows 3 emails" in told.sentence
    assert by_day == [3, 6, 12, 9]
    assert len({message.message["Message-ID"] for message in smtp_inbox.messages}) == 30
