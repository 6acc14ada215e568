"""Ten edits of the demo's rules: whom the difference names is who then gets another email, to the client.

The state is the demo's business at 18:00 of its day, with the rules in force since the noon before, and seven of its
campaigns. What is sent is what a process sends to a mail server at that frozen instant.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from regulars.core import clock, settings
from regulars.db.engine import open_engine, read
from regulars.db.tables import campaigns, customers, promises
from regulars.operation.runtime import Runtime
from regulars.simulation.version_difference import difference
from regulars.workspace.folder import open_workspace
from regulars.workspace.starter import starter
from tests.common.demo_shop import EVENING, make_shop
from tests.common.smtp import Inbox

pytestmark = pytest.mark.slow

Sent = dict[tuple[str, str, str], str]
"""By campaign key, step and client: the digest of the template."""
Edit = Callable[[Path], None]


@dataclass(frozen=True)
class Business:
    """A folder of rules, and a database in which they are in force; `sent` is what goes at EVENING by them."""

    root: Path
    database: Path
    sent: Sent


def _tick(root: Path, database: Path, inbox: Inbox) -> Sent:
    """Plans and sends at EVENING on a copy of the database."""
    copy = root.parent / f"{root.name}.sqlite"
    shutil.copyfile(database, copy)
    engine = open_engine(f"sqlite:///{copy}")
    before = len(inbox.messages)
    runtime = Runtime(settings.load(root, {"REGULARS_SMTP_URL": inbox.url}), engine, clock.system)
    done = runtime.tick(clock.frozen(EVENING))
    query = (
        select(promises.c.campaign, promises.c.step, customers.c.external_id, promises.c.template)
        .join(customers)
        .where(promises.c.state == "sent", promises.c.settled_at == EVENING)
    )
    with read(engine) as connection:
        sent = {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}
    runtime.close()
    assert len(inbox.messages) - before == len(sent) == done.summary.sent
    return sent


@pytest.fixture(scope="module")
def business(tmp_path_factory: pytest.TempPathFactory) -> Business:
    root, database = make_shop(tmp_path_factory.mktemp("business"))
    with Inbox() as inbox:
        return Business(root, database, _tick(root, database, inbox))


@pytest.fixture(scope="module")
def branching(tmp_path_factory: pytest.TempPathFactory) -> Business:
    """The same with a variant that has steps of its own in force."""
    root, database = make_shop(tmp_path_factory.mktemp("branching"), WITH_WAY)
    with Inbox() as inbox:
        return Business(root, database, _tick(root, database, inbox))


def _in(name: str, old: str, new: str) -> Edit:
    """Replaces a text in a rule file."""

    def edit(root: Path) -> None:
        path = root / "campaigns" / f"{name}.yaml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return edit


def _in_email(name: str, old: str, new: str) -> Edit:
    """Takes a starter email into the workspace and replaces a text in it."""

    def edit(root: Path) -> None:
        path = root / "templates" / "emails" / name
        email = name.partition("/")[0]
        shutil.copytree(starter() / "templates" / "emails" / email, root / "templates" / "emails" / email)
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return edit


def _delete(root: Path) -> None:
    (root / "campaigns" / "client-anniversary.yaml").unlink()


def _reorder(root: Path) -> None:
    """Files in another order, and campaigns in another order within one."""
    (root / "campaigns" / "birthday.yaml").rename(root / "campaigns" / "zz.yaml")
    path = root / "campaigns" / "complaint-followup.yaml"
    head, *parts = path.read_text("utf-8").partition("campaigns:\n")[2].split("\n\n")
    path.write_text("campaigns:\n" + "\n\n".join([*(part.rstrip() for part in reversed(parts)), head, ""]), "utf-8")


WITH_WAY = _in(
    "birthday",
    "    email: birthday\n",
    "    email: birthday\n    variants:\n      - name: card\n"
    "      - {name: other, steps: [{email: client-anniversary, id: other}]}\n",
)
EDITS: dict[str, tuple[Edit, str]] = {
    "threshold": (_in("win-back", "> 90", "> 300"), "fewer"),
    "audience": (_in("birthday", "priority: 60", "audience: customer.locale == 'et'\n    priority: 60"), "fewer"),
    "delete": (_delete, "fewer"),
    "rename": (_in("birthday", "  birthday:", "  birthday-card:"), "none"),
    "reorder": (_reorder, "none"),
    "word": (_in_email("birthday/words/en.yaml", "Happy birthday", "Many happy returns"), "other"),
    "new step": (
        _in("birthday", "    email: birthday\n", "    steps: [{email: birthday}, {email: win-back}]\n"),
        "none",
    ),
    "branch": (
        _in(
            "birthday",
            "    email: birthday\n",
            "    steps: [{id: who, choose: [{if: customer.purchases > 2,"
            " steps: [{email: win-back}]}, {steps: [{email: birthday}]}]}]\n",
        ),
        "any",
    ),
    "way of a variant": (WITH_WAY, "fewer"),
    "holdout": (_in("win-back", "holdout: 10%", "holdout: 70%"), "fewer"),
    "time": (_in("company", "send_at: 10:00", "send_at: 19:30"), "fewer"),
    "template": (_in_email("thank-you/body.mjml", "{{ t.greeting }}", "{{ t.greeting }} !"), "other"),
    "priority": (_in("client-anniversary", "priority: 20", "priority: 90"), "any"),
}


EDITS_OF_A_WAY: dict[str, tuple[Edit, str]] = {
    "another email": (_in("birthday", "email: client-anniversary, id", "email: birthday, id"), "other"),
    "another first step": (
        _in("birthday", "[{email", "[{email: birthday, id: before}, {wait: 2 days, email"), "fewer",
    ),
    "its first step waits": (_in("birthday", "id: other}", "id: other, wait: 2 days}"), "fewer"),
    "a step at its end": (
        _in("birthday", "id: other}", "id: other}, {email: birthday, id: last, wait: 1 day}"), "none",
    ),
    "removed": (_in("birthday", "      - {name: other, steps: [{email: client-anniversary, id: other}]}\n",
                    "      - {name: other, email: client-anniversary}\n"), "fewer"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_whom_the_difference_names_is_who_gets_another_email(
    business: Business, tmp_path: Path, smtp_inbox: Inbox, name: str
) -> None:
    _compare(business, tmp_path, smtp_inbox, name, *EDITS[name])


@pytest.mark.parametrize("name", EDITS_OF_A_WAY)
def test_so_it_is_for_edits_of_a_way(branching: Business, tmp_path: Path, smtp_inbox: Inbox, name: str) -> None:
    assert any(step == "other" for _, step, _ in branching.sent)
    _compare(branching, tmp_path, smtp_inbox, name, *EDITS_OF_A_WAY[name])


def _compare(business: Business, tmp_path: Path, smtp_inbox: Inbox, name: str, edit: Edit, expected: str) -> None:
    root = tmp_path / "shop"
    shutil.copytree(business.root, root)
    edit(root)
    engine = open_engine(f"sqlite:///{business.database}")
    found = difference(engine, open_workspace(business.root), open_workspace(root), EVENING, 0)
    engine.dispose()
    sent = _tick(root, business.database, smtp_inbox)
    with_names = open_engine(f"sqlite:///{tmp_path / 'shop.sqlite'}")
    with read(with_names) as connection:
        names = {row.key: row.name for row in connection.execute(select(campaigns.c.key, campaigns.c.name))}
    with_names.dispose()

    def listed(emails: set[tuple[str, str, str]]) -> Counter[tuple[str, str]]:
        return Counter((names[campaign], client) for campaign, _, client in emails)

    both = business.sent.keys() & sent.keys()
    assert _named(found.rows(), "gains") == listed(sent.keys() - both)
    assert _named(found.rows(), "loses") == listed(business.sent.keys() - both)
    assert _named(found.rows(), "gets another") == listed({key for key in both if sent[key] != business.sent[key]})
    assert bool(found.parts) == (name != "reorder")
    if expected == "none":
        assert sent == business.sent
    elif expected == "fewer":
        assert business.sent.keys() - sent.keys()
    elif expected == "other":
        assert found.reached


def _named(rows: Iterator[tuple[str, str, str]], effect: str) -> Counter[tuple[str, str]]:
    return Counter((campaign, client) for campaign, client, what in rows if what == effect)
