"""From a planned row to a message at a real server, once, with everything in it that belongs there."""

from __future__ import annotations

import json
import re
import time

import pytest
from sqlalchemy import select

from regulars.consent.rights import withdraw
from regulars.db.engine import read, write
from regulars.db.tables import coupons, customers, rule_versions
from tests.common.bench import at
from tests.common.people import add_manager
from tests.common.smtp import Inbox
from tests.common.verdict import message_id
from tests.common.workspace import write_campaigns, write_email, write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, VISIT, Office

pytestmark = pytest.mark.slow


def test_a_planned_email_is_sent_once(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS})
    office.clients("ada", "bo")
    assert office.tick().sent == 2
    assert office.tick().sent == 0
    first, second = smtp_inbox.messages
    assert {first.recipients, second.recipients} == {("ada@client.example",), ("bo@client.example",)}
    assert first.sender == "hello@studio.example"
    numbers = {message_id("news", "news", name, "2026-06-10T10:00") for name in ("ada", "bo")}
    assert {str(one.message["Message-ID"]) for one in (first, second)} == numbers
    assert {row["message_id"] for row in office.rows()} == numbers


def test_marketing_has_a_way_out_and_a_service_email_has_none(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS, "visit": VISIT})
    office.clients("ada")
    office.plan("2026-06-10T09:00")
    office.visit("ada", "2026-06-10T11:00")
    assert office.tick().sent == 2
    by_subject = {str(one.message["Subject"]): one.message for one in smtp_inbox.messages}
    news, visit = by_subject["news for ada"], by_subject["visit for ada"]
    link = re.fullmatch(r"<(http://127\.0\.0\.1:8000/u/[\w.-]+)>", str(news["List-Unsubscribe"]).strip())
    assert link
    assert news["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link[1] in news.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "7 Flower Street" in news.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert visit["List-Unsubscribe"] is visit["List-Unsubscribe-Post"] is None
    assert "/u/" not in visit.as_string()


def test_an_email_from_the_manager_with_a_copy_for_the_manager(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"visit": VISIT | {"from": "manager", "cc": ["manager"]}})
    with write(office.engine) as connection:
        add_manager(connection, "mira", name="Mira")
        add_manager(connection, "olaf", name="Olaf", email="olaf@elsewhere.example")
    office.clients("ada", manager="mira")
    office.clients("bo", manager="olaf")
    office.plan("2026-06-10T09:00")
    office.visit("ada", "2026-06-10T11:00")
    office.visit("bo", "2026-06-10T11:00")
    office.tick()
    ada, bo, mira, olaf = sorted(smtp_inbox.messages, key=lambda one: one.recipients)
    assert ada.recipients == ("ada@client.example",)
    assert (mira.recipients, mira.message["To"]) == (("mira@studio.example",), ada.message["To"])
    assert olaf.recipients == ("olaf@elsewhere.example",)
    assert (ada.message["From"], ada.message["Cc"]) == ("Mira <mira@studio.example>", "Mira <mira@studio.example>")
    assert ada.sender == "hello@studio.example"
    # Another domain is not ours to send from: the house's address, the manager's name, answers to the manager.
    assert (bo.message["From"], bo.message["Reply-To"]) == ("Olaf <hello@studio.example>", "olaf@elsewhere.example")


def test_a_wave_may_bear_the_name_of_a_manager_who_is_there(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    waves = [{"to": "customer.country == 'EE'", "from": "manager", "email": "personal"}, {"email": "news"}]
    write_workspace(office.root, {"news": {"at": "2026-06-10 10:00", "backfill": "all", "waves": waves}})
    with write(office.engine) as connection:
        add_manager(connection, "mira", name="Mira")
    office.clients("ada", country="EE", manager="mira")
    office.clients("bo", country="EE")
    office.clients("cy", country="FR", manager="mira")
    assert office.tick().sent == 3
    senders = [str(one.message["From"]) for one in sorted(smtp_inbox.messages, key=lambda one: one.recipients)]
    house = "Studio <hello@studio.example>"
    assert senders == ["Mira <mira@studio.example>", house, house]


def test_an_email_knows_the_day_that_the_clients_country_keeps(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    line = "{{ holiday.name }}: {{ holiday.day }}, {{ holiday.date | date }}"
    write_workspace(
        office.root, {"greet": {"every": "year on day, 3 days before", "email": "greet"}}, lines={"greet": line}
    )
    days = "calendars:\n  day: {EE: saturday after 7 june, LV: 24 june, default: 13 june}\n"
    (office.root / "campaigns" / "days.yaml").write_text(days, "utf-8")
    office.clients("ada", country="ee")
    office.clients("bo", country=None)
    office.clients("cy", country="LV")
    office.plan("2026-06-10T09:00")
    assert office.tick().sent == 2
    ada, bo = sorted(smtp_inbox.messages, key=lambda one: one.recipients)
    assert "day: saturday after 7 june, June 13, 2026" in ada.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "day: 13 june, June 13, 2026" in bo.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert json.loads(office.rows()[0]["data"])["holiday"]["date"] == "2026-06-13"


def test_the_row_keeps_what_it_was_rendered_with_and_no_secret(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS})
    office.clients("ada", first_name="Ada")
    office.tick()
    row = office.row()
    assert json.loads(row["data"])["customer"]["first_name"] == "Ada"
    assert (row["code"], row["attempts"], row["state"], row["settled_at"]) == (250, 1, "sent", at(NOON))
    assert row["template"]
    with read(office.engine) as connection:
        assert connection.scalar(select(rule_versions.c.campaign).where(rule_versions.c.rule == row["rule"])) == "news"
    (message,) = smtp_inbox.messages
    token = re.search(rb"/u/([\w.-]+)", message.content.replace(b"=\r\n", b""))
    assert token
    assert token[1].decode()[:20] not in row["data"]
    assert "http" not in row["data"]


def test_who_leaves_between_plan_and_claim_gets_nothing(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS})
    office.clients("ada", "bo")
    office.plan()
    with write(office.engine) as connection:
        key = connection.scalar(select(customers.c.id).where(customers.c.external_id == "ada"))
        assert key is not None
        withdraw(connection, key, "marketing", at=at(NOON), source="test")
    summary = office.dispatch()
    assert (summary.sent, summary.states["withheld"]) == (1, 1)
    assert office.states() == {"ada": ("skipped", "unsubscribed"), "bo": ("sent", None)}
    assert [one.recipients for one in smtp_inbox.messages] == [("bo@client.example",)]


def _codes(office: Office) -> list[str]:
    with read(office.engine) as connection:
        return list(connection.scalars(select(coupons.c.code)))


def test_a_coupon_is_minted_once_and_shown_again_by_the_reminder(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    steps = [{"email": "gift"}, {"wait": "2 days", "email": "gift-ends"}]
    offer = {"coupon": {"percent": 50, "prefix": "BACK"}}
    rule = {key: value for key, value in NEWS.items() if key != "email"} | {"steps": steps, "offer": offer}
    code = "{{ coupon.code }}"
    write_workspace(office.root, {"gift": rule}, lines={"gift": code, "gift-ends": f"Still {code}"})
    office.clients("ada", "bo")
    assert office.tick().sent == 2
    assert office.tick("2026-06-12T13:00").sent == 2
    codes = _codes(office)
    assert len(set(codes)) == 2
    for name in ("ada", "bo"):
        mine = [one.message for one in smtp_inbox.messages if one.recipients == (f"{name}@client.example",)]
        texts = [str(one.get_body(("plain",)).get_content()) for one in mine]  # type: ignore[union-attr]
        found = [re.findall(r"BACK-[A-Z0-9]{8}", text) for text in texts]
        assert found[0] == found[1]
        assert found[0][0] in codes
    assert {json.loads(row["data"])["coupon"]["code"] for row in office.rows()} == set(codes)


def test_a_broken_template_holds_its_email_and_goes_once_mended(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    line = "{{ customer.first_name }}, good day"
    write_workspace(office.root, {"news": NEWS}, lines={"news": line})
    office.clients("ada", first_name="Ada")
    office.clients("bo")
    assert office.tick().sent == 1
    ada, bo = office.rows()
    assert (ada["state"], bo["state"], bo["reason"], bo["attempts"]) == ("sent", "held", "render-error", 1)
    assert "body.mjml:3:" in bo["detail"]
    assert "first_name" in bo["detail"]
    assert office.tick("2026-06-10T12:10").sent == 0
    write_email(office.root, "news", "Good day")
    assert office.tick("2026-06-10T12:16").sent == 1
    assert office.states()["bo"] == ("sent", None)
    assert len(smtp_inbox.messages) == 2


def test_a_template_that_hangs_for_one_client_costs_that_email_an_attempt(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url, REGULARS_CHUNK="2")
    hangs = "{% for a in 'a' * 10**6 %}{% for b in 'a' * 10**6 %}{% endfor %}{% endfor %}"
    line = "{% if customer.external_id == 'bo' %}" + hangs + "{% endif %}Good day"
    write_workspace(office.root, {"news": NEWS, "visit": VISIT}, lines={"news": line})
    office.clients("ada", "bo", "cy", "di")
    office.plan("2026-06-10T09:00")
    office.visit("bo", "2026-06-10T11:00")
    begun = time.monotonic()
    assert office.tick().sent == 4
    assert time.monotonic() - begun < 20, "limits end it, not a timeout"
    bo = next(row for row in office.rows() if (row["customer"], row["campaign"]) == ("bo", "news"))
    assert (bo["state"], bo["reason"], bo["attempts"]) == ("held", "render-error", 1)
    assert "body.mjml:3:" in bo["detail"]
    assert office.tick("2026-06-10T12:16").sent == 0
    (again,) = (row for row in office.rows() if row["state"] == "held")
    assert again["attempts"] == 2
    assert sorted(one.recipients[0].partition("@")[0] for one in smtp_inbox.messages) == ["ada", "bo", "cy", "di"]


def test_data_that_cannot_be_kept_hold_one_email_and_not_the_others(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"visit": VISIT})
    office.clients("ada", "bo")
    office.plan("2026-06-10T09:00")
    office.visit("ada", "2026-06-10T11:00", {"service": 10**30})
    office.visit("bo", "2026-06-10T11:00")
    office.tick()
    assert office.states() == {"ada": ("held", "render-error"), "bo": ("sent", None)}


def test_a_step_that_is_gone_from_the_rule_is_skipped_and_blocks_nothing(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office(smtp_inbox.url)
    write_workspace(office.root, {"news": NEWS, "visit": VISIT})
    office.clients("ada")
    office.plan("2026-06-10T09:00")
    office.visit("ada", "2026-06-10T11:00")
    office.plan()
    write_email(office.root, "other", "Another email")
    write_campaigns(office.root, {"news": NEWS | {"email": "other"}, "visit": VISIT})
    assert office.dispatch().sent == 1
    assert {(row["campaign"], row["state"], row["reason"]) for row in office.rows()} == {
        ("news", "skipped", "removed"),
        ("visit", "sent", None),
    }
