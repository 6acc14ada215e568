"""A faulty file stops nothing: the last sound state of the rules stays in force, over a restart too."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from regulars.core.errors import Invalid
from regulars.db.engine import read
from regulars.db.tables import file_contents, workspace_files, workspace_versions
from regulars.operation import applied_versions
from regulars.operation import workspace_versions as versions
from regulars.operation.last_sound_rules import RulesInForce
from regulars.operation.stored_version import StoredVersion
from regulars.workspace.folder import open_workspace
from regulars.workspace.starter import starter
from tests.common.bench import at
from tests.common.smtp import Inbox
from tests.common.workspace import write_campaigns, write_email, write_workspace
from tests.dispatch.office import NEWS, VISIT, Office

pytestmark = pytest.mark.slow

Open = Callable[[], Office]
CAMPAIGNS = {"news": NEWS, "visit": VISIT}
BROKEN = "campaigns:\n  news: {at: 2026-06-10 10:00, emial: news}\n"


@pytest.fixture
def open_office(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> Iterator[Open]:
    """Processes on one workspace; each call makes another, as a restart does."""
    opened: list[Office] = []

    def open_one() -> Office:
        opened.append(Office(engine, tmp_path / "shop", smtp_inbox.url))
        return opened[-1]

    yield open_one
    for office in opened:
        office.runtime.close()


def _break(office: Office) -> None:
    (office.root / "campaigns" / "campaigns.yaml").write_text(BROKEN, encoding="utf-8")


def test_mail_goes_on_by_the_last_sound_state(
    open_office: Open, smtp_inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    office = open_office()
    write_workspace(office.root, CAMPAIGNS)
    office.clients("ada", "bo")
    office.tick()
    assert len(smtp_inbox.messages) == 2
    _break(office)
    office.visit("ada", "2026-06-10T12:01")
    office.tick("2026-06-10T12:05")
    assert len(smtp_inbox.messages) == 3
    assert str(office.runtime.fault).startswith("rule files are faulty since ")
    for _ in range(3):
        office.tick("2026-06-10T12:06")
    (told,) = [record.getMessage() for record in caplog.records if "faulty" in record.getMessage()]
    assert "campaigns.yaml:2:" in told
    assert "emial" in told
    assert "did you mean `email`?" in told
    assert "the last sound state stays in force" in told

    again = open_office()  # a worker that is started anew has it from the database
    again.visit("bo", "2026-06-10T12:10")
    again.tick("2026-06-10T12:11")
    assert len(smtp_inbox.messages) == 4
    folder = again.runtime.rules.root
    assert folder != again.root
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    write_campaigns(office.root, {"visit": VISIT, "more": {**NEWS, "email": "visit"}})
    again.tick("2026-06-10T12:12")  # mended: used at once
    assert again.runtime.fault is None
    assert again.runtime.rules.root == again.root
    assert "more" in again.runtime.rules.rulebook.campaigns
    again.runtime._in_force.close()
    assert not folder.exists()


def test_a_faulty_marketing_email_stops_no_transactional_mail(open_office: Open, smtp_inbox: Inbox) -> None:
    office = open_office()
    write_workspace(office.root, CAMPAIGNS)
    office.clients("ada", "bo", "cy")
    office.plan("2026-06-10T09:00")
    for name in ("ada", "bo", "cy"):
        office.visit(name, "2026-06-10T11:00")
    office.plan()
    write_email(office.root, "news", "{{ custmer.name }}")
    office.dispatch()
    rows = [(row["campaign"], row["state"]) for row in office.rows()]
    assert rows.count(("visit", "sent")) == 3
    assert rows.count(("news", "sent")) == 3  # by the text that was sound
    assert not any("custmer" in str(message) for message in smtp_inbox.messages)
    assert "custmer" in str(office.runtime.fault)


def test_without_a_sound_state_nothing_is_planned_and_it_is_said_once(
    open_office: Open, caplog: pytest.LogCaptureFixture
) -> None:
    office = open_office()
    write_workspace(office.root, CAMPAIGNS)
    _break(office)
    for _ in range(2):
        with pytest.raises(Invalid):
            office.plan()
    (told,) = [record.getMessage() for record in caplog.records if "faulty" in record.getMessage()]
    assert "nothing is planned or sent until they are mended" in told


def _counts(engine: Engine) -> list[int]:
    with read(engine) as connection:
        tables = (workspace_versions, workspace_files, file_contents)
        return [connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def _adopt(engine: Engine, root: Path, minute: int) -> applied_versions.Applied:
    return applied_versions.adopt(engine, open_workspace(root), at(f"2026-06-10T12:{minute:02}"))


def test_a_content_is_kept_once_and_old_versions_are_forgotten(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_workspace(tmp_path, CAMPAIGNS)
    frozen = [path for path in (starter() / "templates" / "emails" / "_base").rglob("*") if path.name != "README.md"]
    # Rule files; a body and words of two emails; the parts that the starter's emails share.
    files = 2 + 2 * 2 + sum(path.is_file() for path in frozen)
    _adopt(engine, root, 0)
    first = _counts(engine)
    assert first[:2] == [1, files]
    _adopt(engine, root, 1)  # the same: nothing is written
    assert _counts(engine) == first
    write_email(root, "news", "Another line.")
    _adopt(engine, root, 2)
    assert _counts(engine) == [2, 2 * files, first[2] + 1]
    monkeypatch.setattr(versions, "RETAINED", 2)
    for minute in range(3, 6):
        write_email(root, "news", f"Line {minute}.")
        kept = _adopt(engine, root, minute)
    assert _counts(engine) == [2, 2 * files, first[2] + 2]
    assert applied_versions.current(engine) == kept
    stored = StoredVersion()
    copy = stored.open(engine, kept).root
    for path in (root / "templates").rglob("*.*"):
        assert (copy / path.relative_to(root)).read_bytes() == path.read_bytes()
    stored.close()


def test_a_version_by_which_emails_went_is_kept(
    sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "RETAINED", 1)
    root = write_workspace(tmp_path, CAMPAIGNS)
    used = _adopt(sqlite_engine, root, 0)
    applied_versions.note_sent(sqlite_engine, used.number, at("2026-06-10T12:00"))
    for minute in (1, 2, 3):
        write_email(root, "news", f"Line {minute}.")
        last = _adopt(sqlite_engine, root, minute)
    with read(sqlite_engine) as connection:
        assert [one.number for one in applied_versions.history(connection)] == [last.number, used.number]
    write_email(root, "news", "Two years later.")
    newest = applied_versions.adopt(sqlite_engine, open_workspace(root), at("2028-06-10T12:00"))
    with read(sqlite_engine) as connection:
        assert [one.number for one in applied_versions.history(connection)] == [newest.number]


def test_going_back_to_a_former_state_makes_it_the_last(engine: Engine, tmp_path: Path) -> None:
    root = write_workspace(tmp_path, CAMPAIGNS)
    first = _adopt(engine, root, 0)
    write_email(root, "news", "Another line.")
    _adopt(engine, root, 1)
    write_email(root, "news", "We thought of you.")
    third = _adopt(engine, root, 2)
    assert third.digest == first.digest
    assert applied_versions.current(engine) == third


def test_a_workspace_that_is_too_large_is_not_kept_and_that_is_said(
    sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = write_workspace(tmp_path, CAMPAIGNS)
    monkeypatch.setattr(versions, "MOST_BYTES", 100)
    rules = RulesInForce(root, sqlite_engine, lambda: at("2026-06-10T12:00"))
    sound = rules.current()
    assert _counts(sqlite_engine) == [0, 0, 0]
    assert "no version is kept" in caplog.text
    (root / "campaigns" / "campaigns.yaml").write_text(BROKEN, encoding="utf-8")
    assert rules.current() is sound  # from memory, as long as the process lives
    assert rules.fault is not None
