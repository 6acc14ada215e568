"""What follows from what comes back, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import update

from regulars.consent.rights import erase
from regulars.consent.suppression import lift_suppressions
from regulars.core.ids import address_hash
from regulars.core.return_path import make_token
from regulars.db.engine import read, write
from regulars.db.states import State
from regulars.db.tables import customers, promises
from regulars.feedback.notification import Kind, Notification
from regulars.insights.campaign_report import report
from tests.common.bench import at
from tests.common.people import SECRET, add_manager
from tests.dispatch.office import NEWS, NOON, VISIT
from tests.feedback.conftest import LATER, PATH, Desk

pytestmark = pytest.mark.slow

NEXT = {"at": "2026-06-11 10:00", "email": "next", "backfill": "all"}
FORMS = {f"n{day}": {"at": f"2026-06-{day} 10:00", "email": f"n{day}", "backfill": "all"} for day in range(10, 16)}


def test_a_hard_bounce_ends_the_email_and_suppresses_the_mailbox(desk: Desk) -> None:
    desk.setup({"news": NEWS, "next": NEXT})
    desk.clients("ada", "bo")
    desk.tick()
    assert desk.bounce("ada") == 1
    row = desk.rows()[0]
    assert (row["state"], row["reason"], row["code"]) == ("bounced", "address-refused", 550)
    assert row["detail"] == "550 5.1.1 no such user"
    assert desk.suppressed() == ["bounced"]
    assert desk.happened("email.bounced") == [{"campaign": "news", "hard": True, "reason": ""}]
    desk.tick("2026-06-11T12:00")
    ended = {(row["customer"], row["campaign"]): (row["state"], row["reason"]) for row in desk.rows()}
    assert ended["ada", "next"] == ("skipped", "suppressed")
    assert ended["bo", "next"][0] == "sent"


def test_a_notification_counts_once_by_whatever_door(desk: Desk) -> None:
    desk.setup()
    desk.clients("ada")
    desk.tick()
    assert desk.bounce("ada") == 1
    assert desk.bounce("ada", when="2026-06-10T14:00", status="5.1.1") == 0
    again = Notification(Kind.HARD_BOUNCE, None, recipient="ada@client.example", event_id="x-1")
    assert desk.receive(again, trusted=True) == 0
    assert len(desk.kept()) == len(desk.happened("email.bounced")) == 1


def test_a_complaint_suppresses_at_once_and_counts_against_its_campaign(desk: Desk) -> None:
    desk.setup({"visit": VISIT})
    desk.clients("ada")
    desk.plan("2026-06-10T09:00")
    desk.visit("ada", "2026-06-10T11:00")
    desk.tick()
    desk.bounce("ada", Kind.COMPLAINT)
    assert desk.suppressed() == ["complained"]
    assert desk.row()["state"] == "sent"
    assert desk.happened("email.complained") == [{"campaign": "visit"}]
    with read(desk.engine) as connection:
        figures = report(connection, desk.runtime.rules.rulebook, at(LATER)).campaigns["visit"]
    assert (figures.sent, figures.bounced, figures.came_back.complained) == (1, 0, 1)


@pytest.mark.parametrize("kind", [Kind.AUTO_REPLY, Kind.DELAYED, Kind.OTHER])
def test_what_needs_no_answer_leaves_a_row(desk: Desk, kind: Kind) -> None:
    desk.setup()
    desk.clients("ada")
    desk.tick()
    assert desk.bounce("ada", kind) == 1
    assert (desk.suppressed(), desk.row()["state"]) == ([], "sent")
    assert [row["kind"] for row in desk.kept()] == [kind]
    assert desk.happened("email.bounced") == []


def test_three_soft_bounces_of_the_last_five_suppress(desk: Desk) -> None:
    desk.setup(FORMS)
    desk.clients("ada")
    came_back = []
    for day in range(10, 16):
        desk.tick(f"2026-06-{day}T12:00")
        if day in (10, 12, 13):
            desk.bounce("ada", Kind.SOFT_BOUNCE, f"2026-06-{day}T13:00")
        came_back.append(desk.suppressed())
    assert came_back == [[], [], [], ["bounced"], ["bounced"], ["bounced"]]
    assert [row["state"] for row in desk.rows()][:4] == ["sent"] * 4


def test_soft_bounces_far_apart_or_long_ago_do_not_suppress(desk: Desk) -> None:
    desk.setup(FORMS, soft_bounces="2 of the last 2 within 1 day")
    desk.clients("ada")
    for day in (10, 12, 14):
        desk.tick(f"2026-06-{day}T12:00")
        desk.bounce("ada", Kind.SOFT_BOUNCE, f"2026-06-{day}T13:00")
    assert desk.suppressed() == []
    desk.tick("2026-06-15T11:00")
    desk.bounce("ada", Kind.SOFT_BOUNCE, "2026-06-15T11:30")
    assert desk.suppressed() == ["bounced"]


def test_another_chance_forgets_the_soft_bounces(desk: Desk) -> None:
    desk.setup(FORMS, soft_bounces="2 of the last 3")
    desk.clients("ada")
    for day in (10, 11):
        desk.tick(f"2026-06-{day}T12:00")
        desk.bounce("ada", Kind.SOFT_BOUNCE, f"2026-06-{day}T13:00")
    assert desk.suppressed() == ["bounced"]
    with write(desk.engine) as connection:
        mailbox = address_hash("ada@client.example", SECRET)
        lift_suppressions(connection, [mailbox], now=at("2026-06-11T14:00"), by="operator", why="they called")
    desk.tick("2026-06-12T12:00")
    desk.bounce("ada", Kind.SOFT_BOUNCE, "2026-06-12T13:00")
    assert desk.suppressed() == []


def test_a_bounce_about_another_address_suppresses_nobody(desk: Desk) -> None:
    desk.setup()
    desk.clients("ada", "bo")
    desk.tick()
    desk.bounce("ada", recipient="bo@client.example")  # ada forwards to bo
    assert (desk.suppressed(), {row["state"] for row in desk.rows()}) == ([], {"sent"})
    assert [row["kind"] for row in desk.kept()] == [Kind.SOFT_BOUNCE]


def test_a_bounce_of_a_former_address_leaves_the_new_one_alone(desk: Desk) -> None:
    desk.setup()
    desk.clients("ada")
    desk.tick()
    moved = {"email": "new@client.example", "email_hash": address_hash("new@client.example", SECRET)}
    with write(desk.engine) as connection:
        connection.execute(update(customers).values(moved))
    assert desk.bounce("ada") == 1
    assert desk.suppressed() == []
    desk.bounce("ada", Kind.COMPLAINT, recipient="ada@client.example")
    assert desk.suppressed() == ["complained"]
    with write(desk.engine) as connection:
        lift_suppressions(connection, [moved["email_hash"]], now=at(LATER), by="operator", why="not suppressed")
    assert desk.suppressed() == ["complained"]  # it is the former address that complained


@pytest.mark.parametrize(
    "forged",
    [
        {"return_path": "bounces+0123456789abcdefghijk1"},
        {"return_path": PATH.sender(make_token(1, "ada@client.example", b"guessed")).partition("@")[0]},
        {"message_id": "0123456789abcdef@studio.example"},
        {},
    ],
    ids=["no-token", "another-secret", "no-email", "nothing"],
)
def test_a_forged_bounce_is_counted_and_nothing_else(desk: Desk, forged: dict[str, Any]) -> None:
    desk.setup()
    desk.clients("ada")
    desk.tick()
    one = Notification(Kind.HARD_BOUNCE, at(LATER), recipient="ada@client.example", words="550 no", **forged)
    complaint = Notification(Kind.COMPLAINT, at(LATER), recipient="ada@client.example", **forged)
    assert desk.receive(one, complaint) == 2
    assert (desk.suppressed(), desk.row()["state"], desk.happened("email.bounced")) == ([], "sent", [])
    assert [(row["promise_id"], row["words"]) for row in desk.kept()] == [(None, None), (None, None)]


def test_our_message_id_is_the_second_way_back(desk: Desk) -> None:
    desk.setup()
    desk.clients("ada", "bo")
    desk.tick()
    first, second = (row["message_id"].strip("<>") for row in desk.rows())
    desk.bounce("ada", message_id=first, recipient="Ada@Client.example")
    desk.bounce("bo", Kind.COMPLAINT, message_id=second)
    assert sorted(desk.suppressed()) == ["bounced", "complained"]
    assert [row["state"] for row in desk.rows()] == ["bounced", "sent"]


def test_a_trusted_source_may_name_the_recipient_alone(desk: Desk) -> None:
    desk.setup()
    desk.clients("ada")
    desk.tick()
    stranger = Notification(Kind.HARD_BOUNCE, None, recipient="stranger@client.example", event_id="1")
    desk.receive(stranger, trusted=True)
    assert desk.suppressed() == []
    desk.receive(Notification(Kind.HARD_BOUNCE, None, recipient="ada@client.example", event_id="2"), trusted=True)
    assert (desk.suppressed(), desk.row()["state"]) == (["bounced"], "bounced")


def test_a_message_to_the_address_for_unsubscribing_unsubscribes(desk: Desk) -> None:
    desk.setup({"news": NEWS, "next": NEXT})
    desk.clients("ada", "bo")
    with write(desk.engine) as connection:  # both have one mailbox
        connection.execute(update(customers).values(email="ada@client.example", email_hash="one"))
    desk.tick()
    row = desk.rows()[0]
    leaving = PATH.unsubscribe(desk.token(row["id"], "ada@client.example"))
    assert desk.receive(Notification(Kind.OTHER, at(LATER), recipient="ada@client.example", return_path=leaving)) == 1
    desk.tick("2026-06-11T12:00")
    ended = {row["reason"] for row in desk.rows() if row["campaign"] == "next"}
    assert ended <= {"unsubscribed", "mailbox-unsubscribed", "same-mailbox"}
    assert all(row["state"] != "sent" for row in desk.rows() if row["campaign"] == "next")


def test_a_vacation_note_does_not_unsubscribe_but_a_reply_does(desk: Desk) -> None:
    desk.setup({"news": NEWS, "next": NEXT})
    desk.clients("ada", "bo")
    desk.tick()
    first = desk.rows()[0]
    leaving = PATH.unsubscribe(desk.token(first["id"], "ada@client.example"))
    desk.receive(Notification(Kind.AUTO_REPLY, at(LATER), return_path=leaving))
    desk.receive(Notification(Kind.OTHER, at(LATER), return_path=desk.returned(first["id"], "ada@client.example")))
    desk.receive(Notification(Kind.UNSUBSCRIBE, at(LATER), recipient="bo@client.example"))
    desk.tick("2026-06-11T12:00")
    ended = {row["customer"]: row["reason"] for row in desk.rows() if row["campaign"] == "next"}
    assert ended == {"ada": None, "bo": "unsubscribed"}


def test_an_email_to_the_manager_that_bounces_suppresses_no_client(desk: Desk) -> None:
    desk.setup({"visit": VISIT | {"to": "manager"}})
    with write(desk.engine) as connection:
        add_manager(connection, "mira")
    desk.clients("ada", manager="mira")
    desk.plan("2026-06-10T09:00")
    desk.visit("ada", "2026-06-10T11:00")
    desk.tick()
    path = desk.returned(desk.row()["id"], "mira@studio.example")
    desk.receive(Notification(Kind.HARD_BOUNCE, at(LATER), recipient="mira@studio.example", return_path=path))
    assert (desk.row()["state"], desk.suppressed(), desk.happened("email.bounced")) == ("bounced", [], [])


def test_a_bounce_that_overtakes_its_own_settlement_waits_for_it(desk: Desk) -> None:
    desk.setup()
    desk.clients("ada")
    desk.plan()
    assert desk.bounce("ada") == 1  # the server returned it before its reply was written down
    assert desk.row()["state"] == State.PLANNED
    with write(desk.engine) as connection:
        connection.execute(update(promises).values(state=State.SENT, settled_at=at(NOON)))
    desk.receive(when="2026-06-10T13:01")
    assert desk.row()["state"] == State.BOUNCED
    assert [row["waits"] for row in desk.kept()] == [False]


def test_an_erased_client_leaves_no_words(desk: Desk) -> None:
    desk.setup()
    desk.clients("ada", "bo")
    desk.tick()
    desk.bounce("ada", Kind.SOFT_BOUNCE)
    with write(desk.engine) as connection:
        for row in desk.rows():
            erase(connection, row["customer_id"], at(LATER))
    assert desk.bounce("bo") == 1
    assert [row["words"] for row in desk.kept()] == [None, None]
    assert [row["state"] for row in desk.rows()] == ["sent", "bounced"]
    assert len(desk.happened("email.bounced")) == 1  # of before the erasure


def test_rows_are_kept_for_a_time(desk: Desk) -> None:
    desk.setup()
    desk.clients("ada")
    desk.tick()
    desk.bounce("ada")
    desk.receive(Notification(Kind.OTHER, None), when=LATER)
    desk.receive(when="2026-07-20T12:00")
    assert [row["kind"] for row in desk.kept()] == [Kind.HARD_BOUNCE]
    desk.receive(when="2027-08-20T12:00")
    assert desk.kept() == []


def test_two_doors_at_once_count_it_once(desk: Desk) -> None:
    desk.setup()
    desk.clients("ada", "bo")
    desk.tick()
    said = [
        Notification(kind, at(LATER), return_path=desk.returned(row["id"], f"{row['customer']}@client.example"))
        for row in desk.rows()
        for kind in (Kind.HARD_BOUNCE, Kind.COMPLAINT)
    ]
    desk.receiver()  # opened before the threads
    with ThreadPoolExecutor(2) as pool:
        counted = list(pool.map(lambda some: desk.receive(*some), (said, said[::-1])))
    assert sum(counted) == len(desk.kept()) == 4
    assert len(desk.happened("email.bounced")) == 2


def test_a_bounce_and_a_complaint_can_trigger_a_campaign(desk: Desk) -> None:
    told = {"kind": "transactional", "to": "manager"}
    dead = {"on": "email.bounced", "audience": "event.hard and event.campaign == 'news'", "email": "dead"}
    cross = {"on": "email.complained", "email": "cross"}
    desk.setup({"news": NEWS, "dead": dead | told, "cross": cross | told})
    with write(desk.engine) as connection:
        add_manager(connection, "mira")
    desk.clients("ada", "bo", "cy", manager="mira")
    desk.tick()
    desk.bounce("ada")
    desk.bounce("bo", Kind.COMPLAINT)
    desk.bounce("cy", Kind.SOFT_BOUNCE)
    desk.tick("2026-06-10T14:00")
    sent = {(row["campaign"], row["customer"]) for row in desk.rows() if row["recipient"] == "manager"}
    assert sent == {("dead", "ada"), ("cross", "bo")}
    assert {row["state"] for row in desk.rows() if row["recipient"] == "manager"} == {"sent"}
