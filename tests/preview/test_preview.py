"""Previews: the bytes that are sent, with or without a client; and tests by mail that leave no trace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select

from regulars.core import signing
from regulars.core.clock import frozen
from regulars.core.errors import NotFound
from regulars.core.settings import Settings, load
from regulars.db.engine import read, write
from regulars.db.tables import coupon_codes, coupons, metadata, promises
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.transport import Delivery, Transport
from regulars.dispatch.dispatcher import Dispatcher, Options
from regulars.dispatch.lane import Lane
from regulars.planner.plan import plan
from regulars.preview.preview import NO_PROMISE, Preview, preview, send_test
from regulars.profile import facts
from regulars.rules.model import Kind
from regulars.workspace.folder import Workspace, open_workspace
from tests.common import people
from tests.common.bench import at
from tests.common.workspace import write_workspace

pytestmark = pytest.mark.slow

START, NOW = at("2026-03-01T00:00"), at("2026-03-02T12:00")
CAMPAIGNS: dict[str, Any] = {
    "back": {
        "when": "days_since(customer.last_purchase_at) > 90", "backfill": "all",
        "offer": {"coupon": {"percent": 50, "prefix": "BACK"}},
        "steps": [{"email": "back"}, {"email": "last-day", "wait": "2 days"}],
    },
    "visit": {"on": "visit.done", "email": "visit"},
    "thanks": {"on": "purchase", "kind": "transactional", "email": "thanks"},
    "boss": {"on": "visit.done", "to": "manager", "email": "boss"},
}  # fmt: skip
LINES = {
    "back": "{{ coupon.code }} until {{ coupon.valid_until | date }} {{ links.book }}",
    "last-day": "{{ coupon.code }} again",
    "visit": "{{ event.service }} in {{ customer.first_name }}'s house",
    "thanks": "{{ purchase.products[0].name }}",
    "boss": "{{ customer.name }} for {{ manager.name }}",
}


class RecordingTransport(Transport):
    """Accepts everything and keeps it."""

    server = "recorder"

    def __init__(self) -> None:
        self.kept: list[Parcel] = []

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        self.kept += parcels
        return Delivery([Result(parcel.key, Outcome.ACCEPTED, 250, "kept") for parcel in parcels])

    async def close(self) -> None:
        """Has nothing open."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace whose emails speak of everything."""
    return open_workspace(write_workspace(tmp_path / "shop", CAMPAIGNS, lines=LINES))


@pytest.fixture
def settings(workspace: Workspace) -> Settings:
    return load(workspace.root, {"REGULARS_SECRET": "hush", "REGULARS_WEB_URL": "https://shop.example"})


@pytest.fixture
def ada(engine: Engine) -> int:
    """A client with a manager, a purchase long ago and a visit of today."""
    with write(engine) as connection:
        people.add_manager(connection)
        key = people.add_customer(connection, "ada", first_name="Ada", name="Ada L.", manager="m-1")
        people.add_product(connection, "mower", name="Lawn mower")
        people.add_purchase(connection, key, "2025-10-01T12:00", "mower", amount=420)
        people.add_event(connection, key, "visit.done", "2026-03-02T11:00", {"service": "Sharpening"})
        facts.refresh(connection)
    return key


def _send(engine: Engine, workspace: Workspace, settings: Settings, now: Any = NOW) -> list[Parcel]:
    keeper = RecordingTransport()
    with write(engine) as connection:
        plan(connection, workspace, now)
    lane = Lane("all", frozenset(["marketing", "transactional"]), keeper)
    options = Options(web_url=settings.web_url, secret=settings.secret)
    asyncio.run(Dispatcher(engine, workspace, [lane], options, clock=frozen(now), wall=frozen(now)).run())
    return keeper.kept


def _show(
    engine: Engine | None, workspace: Workspace, settings: Settings, campaign: str, customer: str | None = "ada",
    **given: Any,
) -> list[Preview]:  # fmt: skip
    choices = {"step": None, "now": NOW, "locale": None} | given
    return preview(engine, workspace, campaign, customer=customer, settings=settings, **choices)


def test_the_bytes_are_those_that_were_sent(
    engine: Engine, workspace: Workspace, settings: Settings, ada: int
) -> None:  # fmt: skip
    with write(engine) as connection:
        plan(connection, workspace, START)
    sent = {parcel.key: parcel.data for parcel in _send(engine, workspace, settings)}
    with read(engine) as connection:
        rows = connection.execute(select(promises.c.id, promises.c.campaign).where(promises.c.customer_id == ada)).all()
    assert sorted(row.campaign for row in rows if row.id in sent) == ["back", "boss", "visit"]
    for row in rows:
        shown = _show(engine, workspace, settings, row.campaign)[0]
        assert shown.eml == sent[row.id]
        assert shown.warnings == ()


def test_the_bytes_are_those_that_will_be_sent_once_they_are_promised(
    engine: Engine, workspace: Workspace, settings: Settings, ada: int
) -> None:  # fmt: skip
    with write(engine) as connection:
        plan(connection, workspace, START)
        plan(connection, workspace, NOW)
    shown = [_show(engine, workspace, settings, name)[0].eml for name in ("visit", "boss")]
    sent = [parcel.data for parcel in _send(engine, workspace, settings)]
    assert len(sent) == 3
    assert set(shown) <= set(sent)


def test_the_reminder_shows_the_code_that_the_first_email_gave(
    engine: Engine, workspace: Workspace, settings: Settings, ada: int
) -> None:  # fmt: skip
    with write(engine) as connection:
        plan(connection, workspace, START)
    _send(engine, workspace, settings)
    with read(engine) as connection:
        code = connection.scalar(select(coupons.c.code).where(coupons.c.customer_id == ada))
    first, second = _show(engine, workspace, settings, "back")
    assert str(code).startswith("BACK-")
    assert str(code) in first.text
    assert str(code) in second.text


@pytest.fixture
def till(tmp_path: Path, engine: Engine, ada: int) -> Workspace:
    """Coupons of a pool, one shared code, and codes of our own; the pool has two codes."""
    coupons_of: dict[str, dict[str, Any]] = {
        "pool": {"percent": 5, "pool": "tills"}, "shared": {"percent": 5, "shared": "MAY26"}, "own": {"percent": 5},
    }  # fmt: skip
    rule = {"when": "customer.purchases > 0", "backfill": "all", "kind": "transactional"}
    campaigns = {name: {**rule, "offer": {"coupon": made}, "email": name} for name, made in coupons_of.items()}
    lines = dict.fromkeys(campaigns, "{{ coupon.code }}")
    with write(engine) as connection:
        rows = [{"pool": "tills", "code": code, "added_at": START} for code in POOL]
        connection.execute(insert(coupon_codes), rows)
    return open_workspace(write_workspace(tmp_path / "till", campaigns, lines=lines))


POOL = ("TILL-ONE", "TILL-TWO")


def test_no_preview_shows_a_code_that_a_client_will_get(
    engine: Engine, till: Workspace, settings: Settings, ada: int
) -> None:
    before = _counts(engine)
    texts = {name: _show(engine, till, settings, name)[0].text for name in ("pool", "own", "shared")}
    assert "SAMPLE99" in texts["pool"]
    assert not any(code in texts["pool"] for code in POOL)
    assert "SAMPLE99" in texts["own"]
    assert "MAY26" in texts["shared"], "it stands in the rule file, and showing it takes it from nobody"
    assert _counts(engine) == before
    with read(engine) as connection:
        assert connection.scalars(select(coupon_codes.c.given_at)).all() == [None, None]


def test_what_the_client_has_had_is_shown_and_never_in_a_test(
    engine: Engine, till: Workspace, settings: Settings, ada: int
) -> None:
    _send(engine, till, settings)
    shown = _show(engine, till, settings, "pool")[0]
    assert POOL[0] in shown.text
    for name in ("pool", "own", "shared"):
        for customer in ("ada", None):
            (parcel,) = _mail(engine, till, settings, "me@shop.example", campaign=name, customer=customer)
            body = message_from_bytes(parcel.data, policy=policy.default).get_body(("plain",))
            assert body is not None
            assert "SAMPLE99" in body.get_content()
            assert not any(code in parcel.data.decode() for code in (*POOL, "MAY26"))


def test_before_any_promise_the_data_are_real_and_the_links_lead_nowhere(
    engine: Engine, workspace: Workspace, settings: Settings, ada: int
) -> None:  # fmt: skip
    before = _counts(engine)
    nowhere = signing.sign("promise", str(NO_PROMISE), settings.secret)
    shown = _show(engine, workspace, settings, "back", step="back")
    assert [one.step for one in shown] == ["back"]
    assert "BACK-" in shown[0].text
    assert f"https://shop.example/b/{nowhere}" in shown[0].text
    assert "Sharpening in Ada's house" in _show(engine, workspace, settings, "visit")[0].text
    assert "Lawn mower" in _show(engine, workspace, settings, "thanks")[0].text
    assert _counts(engine) == before


def test_what_would_keep_it_from_going_is_a_warning(
    engine: Engine, workspace: Workspace, settings: Settings, ada: int
) -> None:  # fmt: skip
    with write(engine) as connection:
        people.add_consent(connection, people.add_customer(connection, "bo", email=None), "x", granted=False)
        connection.execute(metadata.tables["consents"].update().values(granted=False))
        facts.refresh(connection)
    assert _show(engine, workspace, settings, "back")[0].warnings == (
        "it would not be sent now: they have unsubscribed",
    )
    (shown,) = _show(engine, workspace, settings, "thanks", customer="bo")
    assert shown.to == "no-address@example.invalid"
    assert shown.warnings == ("it would not be sent now: they have no address",)
    with pytest.raises(NotFound, match="no manager of `bo`"):
        _show(engine, workspace, settings, "boss", customer="bo")


def test_the_sample_stands_in_for_a_client(workspace: Workspace, settings: Settings) -> None:
    (thanks,) = _show(None, workspace, settings, "thanks", customer=None)
    assert "Lawn mower MW-46" in thanks.text
    assert thanks.sender == '"Studio" <hello@studio.example>'
    back, last = _show(None, workspace, settings, "back", customer=None)
    assert (back.subject, last.subject) == ("back for c-17", "last-day for c-17")
    assert "BACK-SAMPLE99" in back.text
    assert "16" in back.text, "the offer holds for fourteen days from now"
    assert message_from_bytes(back.eml, policy=policy.default)["Subject"] == back.subject
    assert back.to_json()["from"] == back.sender


def test_a_language_can_be_asked_for(workspace: Workspace, settings: Settings) -> None:
    root = Path(__file__).parents[2]
    starter = open_workspace(root)
    shown = [_show(None, starter, settings, "birthday", customer=None, locale=one)[0] for one in ("en", "uk", "et")]
    assert [one.locale for one in shown] == ["en", "uk", "et"]
    assert len({one.subject for one in shown}) == 3


def test_what_is_not_there_is_named(engine: Engine, workspace: Workspace, settings: Settings) -> None:
    with pytest.raises(NotFound, match="no campaign `bak`; did you mean `back`"):
        _show(engine, workspace, settings, "bak")
    with pytest.raises(NotFound, match="no step of `back` `last-dy`; did you mean `last-day`"):
        _show(engine, workspace, settings, "back", step="last-dy")
    with pytest.raises(NotFound, match="no customer `ada`"):
        _show(engine, workspace, settings, "back")
    with pytest.raises(NotFound, match="there is no database"):
        _show(None, workspace, settings, "back")


# ---------------------------------------------------------------- by mail


def _mail(engine: Engine | None, workspace: Workspace, settings: Settings, to: str, **given: Any) -> list[Parcel]:
    keeper = RecordingTransport()
    choices = {"campaign": "back", "customer": "ada", "step": None, "now": NOW, "locale": None} | given
    campaign = choices.pop("campaign")
    lanes = [Lane("all", frozenset(Kind), keeper)]
    asyncio.run(send_test(engine, workspace, campaign, to, lanes, settings=settings, **choices))
    return keeper.kept


def test_a_test_goes_to_the_one_address_and_leaves_no_trace(
    engine: Engine, workspace: Workspace, settings: Settings, ada: int
) -> None:  # fmt: skip
    with write(engine) as connection:
        plan(connection, workspace, START)
    real = {parcel.key: message_from_bytes(parcel.data) for parcel in _send(engine, workspace, settings)}
    before = _counts(engine)
    first, second = _mail(engine, workspace, settings, "me@shop.example")
    assert _counts(engine) == before
    assert (first.recipients, second.recipients) == (("me@shop.example",), ("me@shop.example",))
    message = message_from_bytes(first.data, policy=policy.default)
    assert message["Subject"] == "[Test] back for ada"
    assert message["To"] == "me@shop.example"
    assert message["X-Regulars-Test"] == "back/back"
    assert message["List-Unsubscribe"] is None
    assert message["Message-ID"] not in {one["Message-ID"] for one in real.values()}
    body = message.get_body(("plain",))
    assert body is not None
    with read(engine) as connection:
        known = connection.scalars(select(promises.c.id)).all()
    active = {signing.sign("promise", str(key), settings.secret) for key in known}
    assert not any(token in body.get_content() for token in active), "a test must not unsubscribe the client"
    later = _mail(engine, workspace, settings, "me@shop.example", now=NOW + timedelta(hours=1))[0]
    again = message_from_bytes(later.data)
    assert again["Message-ID"] != message["Message-ID"], "or a mailbox would show only the first"


def test_a_test_needs_no_database_and_a_sound_address(workspace: Workspace, settings: Settings) -> None:
    assert len(_mail(None, workspace, settings, "me@shop.example", customer=None)) == 2
    with pytest.raises(ValueError, match="not an email address"):
        _mail(None, workspace, settings, "me@shop.example, you@shop.example", customer=None)


def _counts(engine: Engine) -> dict[str, int]:
    with read(engine) as connection:
        return {
            name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
            for name, table in metadata.tables.items()
        }


@pytest.mark.slow
def test_every_email_of_the_starter_can_be_seen_without_a_client(tmp_path: Path) -> None:
    starter = open_workspace(Path(__file__).parents[2])
    settings = load(tmp_path, {"REGULARS_SECRET": "starter"})
    for name, campaign in starter.rulebook.campaigns.items():
        found = preview(None, starter, name, customer=None, now=NOW, locale="et", step=None, settings=settings)
        assert len(found) == len(campaign.all_steps)
