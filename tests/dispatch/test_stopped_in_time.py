"""A rule changed by mistake: 12,000 clients are due instead of 400. No more than the canary's 50 get it."""

from __future__ import annotations

import pytest
import yaml
from sqlalchemy import insert, select

from regulars.core import ids
from regulars.db.engine import read, write
from regulars.db.tables import customers, events, notifications, promises
from regulars.insights.operating_figures import operating_figures
from regulars.operation.surroundings import stopped
from tests.common.bench import at
from tests.common.receiver import receiving
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import Office

pytestmark = pytest.mark.slow

VISIT = {"on": "visit.done", "email": "visit", "late": "10 days"}
CUTS, ALL = "event.service == 'cut'", "event.service != 'repair'"
CLIENTS, MEANT = 12_000, 400


def _visits(office: Office) -> None:
    """Everybody was here, 400 of them for a cut."""
    now = at("2026-06-10T09:30")
    people = [
        {
            "external_id": f"c{n}", "email": f"c{n}@client.example", "email_hash": f"{n:064x}",
            "bucket": ids.bucket(f"c{n}"), "created_at": at("2026-01-01T00:00"), "updated_at": now,
        }
        for n in range(CLIENTS)
    ]  # fmt: skip
    with write(office.engine) as connection:
        connection.execute(insert(customers), people)
        keys = connection.scalars(select(customers.c.id).order_by(customers.c.id)).all()
        visits = [
            {
                "external_id": f"e{n}", "customer_id": key, "name": "visit.done", "occurred_at": now,
                "received_at": now, "data": {"service": "cut" if n < MEANT else "colour"},
            }
            for n, key in enumerate(keys)
        ]  # fmt: skip
        connection.execute(insert(events), visits)


def _complain(office: Office, number: int, when: str) -> None:
    """So many of those who got it report it as spam."""
    with write(office.engine) as connection:
        sent = connection.scalars(select(promises.c.id).where(promises.c.state == "sent").limit(number)).all()
        rows = [
            {
                "digest": str(one), "promise_id": one, "campaign": "visit", "kind": "complaint", "reason": "",
                "source": "test", "at": at(when), "received_at": at(when),
            }
            for one in sent
        ]  # fmt: skip
        connection.execute(insert(notifications), rows)


def test_no_more_than_the_canary_goes_and_what_stopped_it_is_told(open_office: Open, smtp_inbox: Inbox) -> None:
    operator = {"REGULARS_ALERT_EMAIL": "anna@studio.example", "REGULARS_WEBHOOK_NETWORKS": "127.0.0.0/8"}
    office = open_office(smtp_inbox.url, **operator)
    policy = {"canary": "50, then wait 30 minutes", "guard": {"complaints": "2% of 50"}}
    write_workspace(office.root, {"visit": VISIT | {"audience": CUTS}}, policy=policy)
    office.tick("2026-06-10T09:00")
    write_workspace(office.root, {"visit": VISIT | {"audience": ALL}}, policy=policy)
    office.tick("2026-06-10T09:10")
    _visits(office)
    assert office.tick("2026-06-10T09:31").sent == 50
    _complain(office, 2, "2026-06-10T09:40")
    for when in ("2026-06-10T09:41", "2026-06-10T10:02", "2026-06-10T12:00"):
        assert office.tick(when).sent == 0
    assert len(smtp_inbox.messages) == 50
    held = [row for row in office.rows() if row["state"] == "held"]
    assert len(held) == CLIENTS - 50
    assert {row["reason"] for row in held} == {"halted"}
    (told,) = stopped(office.engine)
    assert told.full == (
        "`visit` is paused since 2026-06-10 09:41 UTC by a guard: 2 of the last 50 emails were reported as spam; the"
        " limit is 2% of 50; `regulars resume visit` lets it go on"
    )
    with receiving() as receiver:
        program = {"crm": {"url": receiver.url, "events": ["alert.began", "campaign.stopped"]}}
        (office.root / "campaigns" / "notify.yaml").write_text(yaml.safe_dump({"notify": program}))
        office.plan("2026-06-10T12:01")
        office.runtime.notify()
        office.runtime.notify()
    [webhook] = [one for one in receiver.data("alert.began") if one["alert"].startswith("guard/")]
    assert webhook["words"] == told.full
    [email] = smtp_inbox.messages[50:]  # one email for all alerts, and none again
    assert email.recipients == ("anna@studio.example",)
    assert "`regulars resume visit`" in email.text
    with read(office.engine) as connection:
        figures = operating_figures(connection)
    assert figures.by_guard == 1
    assert any(alert.key.startswith("guard/campaign/visit") for alert in figures.alerts)


def test_with_a_guard_of_volume_none_goes(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"visit": VISIT | {"audience": ALL}}, policy={"guard": {"volume": "3x usual"}})
    office.tick("2026-06-10T09:00")
    _visits(office)
    assert office.tick("2026-06-10T09:31").sent == 0
    assert {row["reason"] for row in office.rows()} == {"halted"}
    (told,) = stopped(office.engine)
    assert "by a guard: 12,000 became due on one day; no Wednesday before had any" in told.full
