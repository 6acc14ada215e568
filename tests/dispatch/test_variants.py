"""Variants by a real worker: each client gets the words, email, sender and coupon of theirs, also after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from regulars.core import settings
from regulars.core.errors import NotFound
from regulars.db.engine import read, write
from regulars.db.tables import coupons, customers, promises
from regulars.explain.describe import describe
from regulars.explain.explain import explain
from regulars.ledger.arms import arm_by_bucket
from regulars.preview.preview import preview
from regulars.preview.provenance import provenance
from regulars.profile import facts
from regulars.simulation.plan_ahead import forecast
from regulars.simulation.version_difference import difference
from regulars.workspace.folder import open_workspace
from tests.common.bench import at
from tests.common.people import add_customer, add_manager
from tests.common.smtp import Inbox
from tests.common.workspace import write_email, write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NOON, SECRET, Office

pytestmark = pytest.mark.slow

VARIANTS: list[dict[str, Any]] = [
    {"name": "plain"},
    {"name": "gift", "words": "gift", "offer": {"coupon": {"gift": "a blade", "shared": "BLADE26"}}},
    {"name": "other", "email": {"news": "letter"}},
    {"name": "boss", "from": "manager"},
]
STEPS = [{"email": "news"}, {"email": "more", "wait": "1 day"}]
RULE: dict[str, Any] = {
    "on": "visit.done", "steps": STEPS, "variants": VARIANTS, "holdout": "10%", "goal": "purchase within 14 days",
    "offer": {"coupon": {"percent": 10, "shared": "TEN26"}},
}  # fmt: skip
CLIENTS = [f"c{n}" for n in range(20)]


def _write(root: Path, **changed: Any) -> None:
    write_workspace(root, {"news": RULE | changed}, lines={"news": "Code {{ coupon.code }}"})
    write_email(root, "letter", "A letter with {{ coupon.code }}")
    words = root / "templates" / "emails" / "news" / "words"
    (words / "en.gift.yaml").write_text('subject: "a gift for {{ customer.external_id }}"\n', encoding="utf-8")


@pytest.fixture
def office(open_office: Open, smtp_inbox: Inbox) -> Office:
    """All clients had a visit on the day, and have a manager."""
    made = open_office(smtp_inbox.url)
    _write(made.root)
    made.tick("2026-06-10T09:00")
    with write(made.engine) as connection:
        add_manager(connection, "m-1", name="Mira")
        for name in CLIENTS:
            add_customer(connection, name, manager="m-1")
    for name in CLIENTS:
        made.visit(name, "2026-06-10T11:00")
    with write(made.engine) as connection:
        facts.refresh(connection)
    return made


def _arms(office: Office) -> dict[str, str]:
    """By client, the group that the draw gives."""
    rule = office.runtime.rules.rulebook.campaigns["news"]
    with read(office.engine) as connection:
        rows = connection.execute(select(customers.c.external_id, customers.c.bucket)).all()
    return {name: arm_by_bucket(bucket, "news", rule) for name, bucket in rows}


def _received(inbox: Inbox) -> dict[str, tuple[str, str, str]]:
    """By client: subject, sender's name and code, of the latest email."""
    found = {}
    for one in inbox.messages:
        body = one.message.get_body(("plain",))
        assert body is not None
        code = next((word for word in str(body.get_content()).split() if word.endswith("26")), "")
        name = str(one.message["To"]).strip("<>").partition("@")[0].rpartition("<")[2]
        found[name] = (str(one.message["Subject"]), str(one.message["From"]).partition(" <")[0], code)
    return found


def _expected(name: str, arm: str) -> tuple[str, str, str]:
    return {
        "plain": (f"news for {name}", "Studio", "TEN26"), "gift": (f"a gift for {name}", "Studio", "BLADE26"),
        "other": (f"letter for {name}", "Studio", "TEN26"), "boss": (f"news for {name}", "Mira", "TEN26"),
    }[arm]  # fmt: skip


def test_each_client_gets_their_variant_and_everything_says_which(office: Office, smtp_inbox: Inbox) -> None:
    arms = _arms(office)
    assert set(arms.values()) == {"control", "plain", "gift", "other", "boss"}
    ahead = forecast(office.engine, office.runtime.rules, at(NOON), 0).campaigns["news"]
    emailed = {name: arm for name, arm in arms.items() if arm != "control"}
    assert ahead.variants == {each["name"]: list(emailed.values()).count(each["name"]) for each in VARIANTS}
    office.tick()
    assert _received(smtp_inbox) == {name: _expected(name, arm) for name, arm in emailed.items()}
    assert {row["step"] for row in office.rows()} == {"news"}
    with read(office.engine) as connection:
        given = connection.execute(select(coupons.c.code, coupons.c.variant).distinct()).all()
    assert {tuple(row) for row in given} == {("TEN26", None), ("BLADE26", "gift")}
    rules, found = office.runtime.rules, settings.load(office.root, {"REGULARS_SECRET": SECRET})
    for name, arm in arms.items():
        (view,) = explain(office.engine, rules, name, "news", at(NOON)).campaigns
        assert view.variant is not None
        assert (view.variant.arm, view.variant.drawn_at) == (arm, at(NOON))
        assert view.to_json()["variant"]["name"] == (None if arm == "control" else arm)
    for row in office.rows():
        if row["state"] == "sent":
            shown = provenance(office.engine, str(row["id"]), found)
            assert shown.subject == _expected(row["customer"], arms[row["customer"]])[0]
            assert (shown.variant, shown.same_template) == (arms[row["customer"]], True)


def test_a_restart_an_edit_and_an_end_of_variants_change_nobody_s_step(office: Office, smtp_inbox: Inbox) -> None:
    arms = _arms(office)
    office.tick()
    smtp_inbox.messages.clear()
    office.close()
    office.tick("2026-06-11T12:01")
    second = _received(smtp_inbox)
    assert second == {
        name: (f"more for {name}", "Mira" if arm == "boss" else "Studio", "")
        for name, arm in arms.items() if arm != "control"
    }  # fmt: skip
    smtp_inbox.messages.clear()
    office.close()
    _write(office.root, variants=VARIANTS[:2])  # those of the others get the campaign without one, at their next visit
    assert office.tick("2026-06-11T13:00").sent == 0
    for name in CLIENTS:
        office.visit(name, "2026-06-12T11:00")
    office.tick("2026-06-12T12:00")
    left = {name: arm if arm in ("plain", "gift") else "plain" for name, arm in arms.items() if arm != "control"}
    assert _received(smtp_inbox) == {name: _expected(name, arm) for name, arm in left.items()}
    gone = next(name for name, arm in arms.items() if arm == "boss")
    (view,) = explain(office.engine, office.runtime.rules, gone, "news", at(NOON)).campaigns
    assert view.variant is not None
    assert view.variant.sentence("UTC") == (
        "Drawn on 2026-06-10, for good, into `boss`, which the rule no longer has: the emails are without a variant."
    )


def test_previews_the_difference_and_the_description(office: Office) -> None:
    arms, rules = _arms(office), open_workspace(office.root)
    found = settings.load(office.root, {"REGULARS_SECRET": SECRET})

    def seen(customer: str | None, variant: str | None = None, step: str | None = "news") -> list[tuple[Any, str]]:
        given: dict[str, Any] = {"customer": customer, "step": step, "variant": variant, "locale": None}
        made = preview(office.engine, rules, "news", now=at(NOON), settings=found, **given)
        return [(one.variant, one.subject) for one in made]

    assert [variant for variant, _ in seen(None)] == ["plain", "gift", "other", "boss"]
    assert len(seen(None, "gift", None)) == 2
    gift = next(name for name, arm in arms.items() if arm == "gift")
    assert seen(gift) == [("gift", f"a gift for {gift}")]
    assert seen(gift, "other") == [("other", f"letter for {gift}")]
    with pytest.raises(NotFound):
        seen(gift, "gfit")

    office.plan("2026-06-10T12:00")
    new = office.root.parent / "new"
    pen = VARIANTS[1] | {"offer": {"coupon": {"gift": "a pen", "shared": "PEN26"}}}
    _write(new, variants=[VARIANTS[0], pen, *VARIANTS[2:]])
    changes = difference(office.engine, rules, open_workspace(new), at("2026-06-10T12:30"), 0)
    assert set(changes.campaigns["news"].other) == {name for name, arm in arms.items() if arm == "gift"}
    words = new / "templates" / "emails" / "news" / "words" / "en.gift.yaml"
    _write(new)
    words.write_text("subject: Another gift\n", encoding="utf-8")
    changes = difference(office.engine, rules, open_workspace(new), at("2026-06-10T12:30"), 0)
    assert set(changes.campaigns["news"].other) == {name for name, arm in arms.items() if arm == "gift"}
    assert [(part.kind, part.name) for part in changes.parts] == [("email", "news")]
    text = describe(rules.rulebook.campaigns["news"], rules)
    assert (
        "Each mailbox is drawn once, for good: 25 % get “plain”, which is as it stands; 25 % get “gift”, the words"
        " “gift” and a coupon for a blade by the code “BLADE26” that all share (valid 14 days, one use); 25 % get"
        " “other”, “letter” instead of “news”; 25 % get “boss”, in their manager's name."
    ) in text
    with read(office.engine) as connection:
        assert connection.scalars(select(promises.c.step).distinct()).all() == ["news"]
