"""Coupons and their last day: no email shows a code that holds no longer, and a day that is named is a whole day."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from regulars.core.diagnostics import Severity
from regulars.coupons.redemption import CouponStatus, check
from regulars.db.engine import read, write
from regulars.db.tables import coupons, customers
from regulars.rules.offer import Coupon
from regulars.workspace.folder import check as check_workspace
from tests.common.bench import at
from tests.common.scripted_smtp import Fault, ScriptedServer, Stage
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, Office

pytestmark = pytest.mark.slow

SHOWS = "Yours: {{ coupon.code }} until {{ coupon.valid_until | datetime }}"


def _office(office: Office, coupon: dict[str, Any], lines: dict[str, str], **rule: Any) -> Office:
    write_workspace(office.root, {"news": NEWS | {"offer": {"coupon": coupon}} | rule}, lines=lines)
    return office


def _steps(wait: str) -> dict[str, Any]:
    return {"email": None, "late": "30 days", "steps": [{"email": "news"}, {"wait": wait, "email": "again"}]}


def _sequence(office: Office, coupon: dict[str, Any], wait: str, lines: dict[str, str]) -> Office:
    rule = {key: value for key, value in (NEWS | _steps(wait)).items() if value is not None}
    write_workspace(office.root, {"news": rule | {"offer": {"coupon": coupon}}}, lines=lines)
    return office


def _valid_until(office: Office) -> datetime:
    with read(office.engine) as connection:
        found: datetime | None = connection.scalar(select(coupons.c.valid_until))
    assert found is not None
    return found


def test_a_code_that_ended_before_its_email_could_go_holds_anew(open_office: Open) -> None:
    with ScriptedServer([Fault(Stage.DATA, text="451 4.3.0 try again later", on=(1, 2, 3))]) as server:
        office = _office(open_office(server.url), {"percent": 20, "valid": "1 day"}, {"news": SHOWS}, late="7 days")
        office.clients("ada")
        for when in ("2026-06-10T12:00", "2026-06-10T20:00", "2026-06-11T10:00"):
            assert office.tick(when).sent == 0
        assert _valid_until(office) == at("2026-06-11T23:59:59")
        assert office.tick("2026-06-13T11:00").sent == 1
        assert _valid_until(office) == at("2026-06-14T23:59:59")
        with read(office.engine) as connection:
            code = connection.scalar(select(coupons.c.code))
            assert check(connection, code or "", at("2026-06-14T20:00")).standing is CouponStatus.VALID


def test_an_email_with_a_code_that_a_client_has_seen_end_is_skipped(open_office: Open, smtp_inbox: Inbox) -> None:
    lines = {"news": SHOWS, "again": SHOWS}
    office = _sequence(open_office(smtp_inbox.url), {"percent": 20, "valid": "3 days"}, "5 days", lines)
    office.clients("ada")
    assert office.tick().sent == 1
    assert office.tick("2026-06-15T12:30").sent == 0
    assert [(row["step"], row["state"], row["reason"]) for row in office.rows()] == [
        ("news", "sent", None), ("again", "skipped", "offer-over"),
    ]  # fmt: skip


def test_an_email_that_shows_no_coupon_goes_after_its_end(open_office: Open, smtp_inbox: Inbox) -> None:
    lines = {"news": SHOWS, "again": "We miss you."}
    office = _sequence(open_office(smtp_inbox.url), {"percent": 20, "valid": "3 days"}, "5 days", lines)
    office.clients("ada")
    assert office.tick().sent + office.tick("2026-06-15T12:30").sent == 2


def test_a_code_that_is_first_shown_late_holds_from_then(open_office: Open, smtp_inbox: Inbox) -> None:
    lines = {"news": "Good day.", "again": SHOWS}
    office = _sequence(open_office(smtp_inbox.url), {"percent": 20, "valid": "3 days"}, "5 days", lines)
    office.clients("ada")
    assert office.tick().sent + office.tick("2026-06-15T12:30").sent == 2
    assert _valid_until(office) == at("2026-06-18T23:59:59")


@pytest.mark.parametrize(
    ("home", "when", "until"),
    [
        ("Asia/Tokyo", "12:00", "2026-06-13T14:59:59"), ("America/New_York", "18:00", "2026-06-14T03:59:59"),
        (None, "12:00", "2026-06-13T23:59:59"),
    ],
)  # fmt: skip
def test_the_last_day_ends_where_the_client_lives(
    open_office: Open, smtp_inbox: Inbox, home: str | None, when: str, until: str
) -> None:
    office = _office(open_office(smtp_inbox.url), {"percent": 20, "valid": "3 days"}, {"news": SHOWS})
    office.clients("ada")
    with write(office.engine) as connection:
        connection.execute(update(customers).values(timezone=home))
    office.tick(f"2026-06-10T{when}")
    assert _valid_until(office) == at(until)


@pytest.mark.parametrize(
    ("coupon", "until"),
    [
        ({"until": "2026-11-28"}, "2026-11-28T14:59:59"), ({"until": "2026-11-28 18:00"}, "2026-11-28T17:00"),
        ({"valid": "2 days"}, "2026-11-29T14:59:59"), ({"valid": "36 hours"}, "2026-11-28T23:00"),
    ],
)  # fmt: skip
def test_days_are_whole_and_hours_are_to_the_minute(coupon: dict[str, str], until: str) -> None:
    offer = Coupon.model_validate({"percent": 20, **coupon})
    assert offer.window(at("2026-11-27T11:00"), "Europe/Warsaw", "Asia/Tokyo")[1] == at(until)


@pytest.mark.parametrize(
    ("valid", "second", "warned"), [("3 days", SHOWS, True), ("5 days", SHOWS, False), ("3 days", "Bye.", False)]
)
def test_check_warns_of_a_coupon_that_ends_before_it_is_shown(
    tmp_path: Path, valid: str, second: str, warned: bool
) -> None:
    rule = {"on": "visit.done", "offer": {"coupon": {"percent": 20, "valid": valid}}}
    steps = [{"email": "news"}, {"wait": "5 days", "email": "again"}]
    root = write_workspace(tmp_path, {"news": rule | {"steps": steps}}, lines={"news": SHOWS, "again": second})
    workspace, found, _ = check_workspace(root)
    assert workspace is not None
    said = [fault for fault in found if fault.code == "T022"]
    assert [fault.severity for fault in said] == [Severity.WARNING] * warned
    if warned:
        assert "`again` shows the coupon 5 days after the client got it, and it holds 3 days" in said[0].message
        assert said[0].span is not None
        assert said[0].span.path.endswith("campaigns.yaml")
