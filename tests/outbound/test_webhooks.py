"""Other programs are told what happens: in its transaction, in order, signed, and again until they have it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from regulars.consent.data_export import export
from regulars.consent.merge import merge_clients
from regulars.consent.rights import erase
from regulars.consent.subscription import unsubscribe
from regulars.core import clock, webhook_signing
from regulars.coupons.redemption import Use, redeem
from regulars.db.engine import write
from regulars.db.tables import coupons, webhook_messages
from regulars.feedback.notification import Kind
from regulars.ledger import switches, webhook_outbox
from regulars.ledger.switches import Scope, Target
from regulars.ledger.webhook_endpoints import endpoints
from regulars.responses.answers import request_call
from tests.common.bench import at
from tests.common.people import add_purchase
from tests.dispatch.office import NEWS, VISIT
from tests.outbound.conftest import LOCAL, Teller

pytestmark = pytest.mark.slow
TOLD_LATER = {"at": "2026-06-11 10:00", "email": "next", "backfill": "all"}


def test_every_event_is_told_in_order_with_a_signature_that_the_receiver_can_verify(teller: Teller) -> None:
    teller.open(news=NEWS, visit=VISIT)
    teller.clients("ada", "bo")
    teller.tick()
    sent = {row["customer"]: row["id"] for row in teller.rows()}
    with write(teller.engine) as connection:
        unsubscribe(connection, teller.owner(sent["ada"]), ["news"], at("2026-06-10T12:30"), "page")
        request_call(connection, teller.owner(sent["ada"]), "after six", at("2026-06-10T12:31"))
        switches.pause(connection, Target(Scope.CAMPAIGN, "news"), "anna", "a wrong price", at("2026-06-10T12:32"))
        switches.resume(connection, Target(Scope.CAMPAIGN, "news"), "anna", at("2026-06-10T12:33"))
    teller.bounce("bo")
    teller.bounce("ada", Kind.COMPLAINT)
    assert teller.deliver().delivered == len(teller.outbox())
    receiver = teller.receiver_at
    told = [(one["type"], one["data"].get("customer")) for one in receiver.messages]
    assert [kind for kind, who in told if who == "ada"] == [
        "email.sent", "customer.unsubscribed", "customer.answered", "email.complained", "customer.unsubscribed",
    ]  # fmt: skip
    assert [kind for kind, who in told if who == "bo"] == ["email.sent", "email.bounced"]
    assert [kind for kind, who in told if who is None] == ["campaign.stopped", "campaign.resumed"]
    [stopped] = receiver.data("campaign.stopped")
    assert (stopped["campaign"], stopped["who"], stopped["why"]) == ("news", "anna", "a wrong price")
    [bounced] = receiver.data("email.bounced")
    assert bounced["hard"] is True
    assert (bounced["campaign"], bounced["step"], bounced["email"]) == ("news", "news", sent["bo"])
    assert b"@client.example" not in b"".join(body for _, body in receiver.got)
    secret = teller.runtime.settings.secret
    for headers, body in receiver.got:
        again = webhook_signing.sign(
            webhook_signing.outbound_secret("crm", secret), headers["webhook-id"],
            datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=clock.system().tzinfo), body,
        )  # fmt: skip
        assert again["webhook-signature"] == headers["webhook-signature"]
    assert teller.deliver().delivered == 0


def test_only_what_a_program_wants_is_told_and_nothing_before_it_was_named(small_teller: Teller) -> None:
    small_teller.open({"events": ["email.sent"], "campaigns": ["next"]}, news=NEWS, next=TOLD_LATER)
    small_teller.clients("ada")
    small_teller.tick()
    assert small_teller.outbox() == []
    small_teller.tick("2026-06-11T12:00")
    small_teller.deliver()
    assert [one["campaign"] for one in small_teller.receiver_at.data("email.sent")] == ["next"]
    small_teller.say()
    small_teller.plan("2026-06-11T13:00")
    assert small_teller.outbox() == []


def test_two_secrets_sign_while_one_is_replaced(small_teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    small_teller.open({"secret": "CRM_SECRET"})
    small_teller.clients("ada")
    small_teller.tick()
    assert small_teller.deliver().delivered == 0
    assert "the variable CRM_SECRET is missing" in small_teller.endpoint()["error"]
    names = [webhook_signing.secret_of(key, b"secret of the shop") for key in ("new", "old")]
    monkeypatch.setenv("CRM_SECRET", " ".join(names))
    small_teller.hurry()
    assert small_teller.deliver().delivered == 1
    [(headers, body)] = small_teller.receiver_at.got
    for key in ("new", "old"):
        assert webhook_signing.verify(headers, body, [key], [b"secret of the shop"], clock.system())
    assert len(headers["webhook-signature"].split(" ")) == 2


def test_what_is_refused_waits_and_a_later_event_of_the_same_client_with_it(teller: Teller) -> None:
    teller.open()
    teller.clients("ada", "bo")
    teller.tick()
    teller.receiver_at.status, teller.receiver_at.reply = 503, b"closed for today"
    told = teller.deliver()
    assert (told.delivered, told.refused) == (0, 2)
    row = teller.endpoint()
    assert (row["failures"], "closed for today" in row["error"]) == (1, True)
    assert teller.deliver() == type(told)()  # nothing is tried before its time
    teller.bounce("ada")
    teller.hurry()
    assert teller.deliver().refused == 1  # a failing endpoint costs one request
    teller.receiver_at.status = 204
    teller.hurry()
    assert teller.deliver().delivered == 3
    ada = [one["type"] for one in teller.receiver_at.messages if one["data"]["customer"] == "ada"]
    assert ada == ["email.sent", "email.bounced"]
    assert teller.endpoint()["failing_since"] is None
    ids = [headers["webhook-id"] for headers, _ in teller.receiver_at.got]
    assert len(set(ids)) == 3


def test_one_message_that_is_refused_for_good_is_given_up_after_days(small_teller: Teller) -> None:
    small_teller.open()
    small_teller.clients("ada")
    small_teller.tick()
    small_teller.receiver_at.status = 422
    small_teller.deliver()
    [row] = small_teller.outbox()
    assert (row["state"], row["attempts"], small_teller.endpoint()["failing_since"]) == ("waiting", 1, None)
    with write(small_teller.engine) as connection:
        long_ago = row["first_tried_at"] - webhook_outbox.GIVEN_UP
        connection.execute(update(webhook_messages).values(first_tried_at=long_ago))
    small_teller.hurry()
    small_teller.deliver()
    assert (small_teller.outbox()[0]["state"], small_teller.outbox()[0]["attempts"]) == ("failed", 2)
    with write(small_teller.engine) as connection:
        assert webhook_outbox.forget_messages(connection) == 0
        connection.execute(
            update(webhook_messages).values(
                settled_at=clock.system() - webhook_outbox.RETENTION_FAILED - timedelta(days=1)
            )
        )
        assert webhook_outbox.forget_messages(connection) == 1


def test_an_endpoint_that_is_gone_is_disabled_until_a_person_enables_it(
    teller: Teller, caplog: pytest.LogCaptureFixture
) -> None:
    teller.open(news=NEWS, next=TOLD_LATER)
    teller.clients("ada")
    teller.tick()
    teller.receiver_at.status = 410
    teller.deliver()
    assert teller.endpoint()["disabled_at"] is not None
    assert "webhook crm is disabled" in caplog.text
    teller.tick("2026-06-11T12:00")
    assert len(teller.outbox()) == 1  # nothing more is written for it
    with write(teller.engine) as connection:
        [one] = endpoints(connection)
        assert "`regulars webhooks retry crm`" in one.trouble
    teller.receiver_at.status = 204
    teller.say(crm={"url": teller.receiver_at.url + "&moved=yes"})
    teller.plan("2026-06-11T13:00")
    teller.hurry()
    assert teller.deliver().delivered == 1


def test_no_redirect_is_followed_and_no_private_address_is_reached(small_teller: Teller) -> None:
    small_teller.open()
    small_teller.clients("ada")
    small_teller.tick()
    small_teller.receiver_at.status, small_teller.receiver_at.headers = 302, {"location": small_teller.receiver_at.url}
    small_teller.deliver()
    assert "redirects are not followed" in small_teller.endpoint()["error"]
    assert len(small_teller.receiver_at.tried) == 1
    small_teller._environment = {key: value for key, value in small_teller._environment.items() if key not in LOCAL}
    small_teller.close()
    small_teller.hurry()
    small_teller.deliver()
    assert "127.0.0.1 is not a public address" in small_teller.endpoint()["error"]
    assert len(small_teller.receiver_at.tried) == 1


def test_a_claimed_message_is_nobody_elses_and_late_answers_count_for_nothing(teller: Teller) -> None:
    teller.open()
    teller.clients("ada")
    teller.tick()
    with write(teller.engine) as connection:
        [one] = endpoints(connection)
        [first] = webhook_outbox.claim(connection, one, 10)
        assert webhook_outbox.claim(connection, one, 10) == []
    teller.hurry()  # its process died, and the lease is over
    assert teller.deliver().delivered == 1
    with write(teller.engine) as connection:
        assert not webhook_outbox.settle_message(connection, first, webhook_outbox.MessageState.FAILED, "late")
    assert teller.outbox()[0]["state"] == "delivered"


def test_erasure_takes_the_messages_and_a_merge_moves_them(teller: Teller) -> None:
    teller.open()
    teller.clients("ada", "bo", "cy")
    teller.tick()
    ada, bo, cy = map(teller.key, ("ada", "bo", "cy"))
    with write(teller.engine) as connection:
        merge_clients(connection, ada, bo, now=at("2026-06-10T13:00"), by="test")
        assert len(export(connection, ada)["webhooks"]) == 2
        erase(connection, ada, at("2026-06-10T14:00"))
    assert {row["customer_id"] for row in teller.outbox()} == {cy}


def test_goals_and_redeemed_coupons_are_told_once(teller: Teller) -> None:
    steps = [{"email": "visit"}, {"wait": "1 day", "email": "next"}]
    offer = {"coupon": {"percent": 10, "valid": "30 days"}}
    teller.open(
        visit={"on": "visit.done", "steps": steps, "until": "purchase", "offer": offer},
        news={**NEWS, "goal": "purchase within 14 days"},
    )
    teller.clients("ada")
    teller.plan("2026-06-10T09:00")
    teller.visit("ada", "2026-06-10T11:00")
    teller.tick()
    with write(teller.engine) as connection:
        code = connection.execute(coupons.select()).mappings().one()["code"]
        for _ in range(2):
            redeem(connection, Use(code, "receipt 1", at("2026-06-10T13:00")), at("2026-06-10T13:00"))
        add_purchase(connection, teller.key("ada"), "2026-06-10T14:00", amount="149.90")
    teller.plan("2026-06-10T15:00")
    teller.plan("2026-06-12T13:00")  # the second step would be due
    teller.deliver()
    [redeemed] = teller.receiver_at.data("coupon.redeemed")
    assert (redeemed["code"], redeemed["campaign"], redeemed["customer"]) == (code, "visit", "ada")
    reached = {one["campaign"]: one for one in teller.receiver_at.data("goal.reached")}
    assert len(teller.receiver_at.data("goal.reached")) == 2
    assert (reached["news"]["value"], reached["news"]["goal"]) == ("149.9", "purchase within 14 days")
    assert "last_email" in reached["news"]
    assert reached["visit"]["customer"] == "ada"
