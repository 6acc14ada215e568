"""What a person applied is in force on every machine, whatever the folders have."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from regulars.db.engine import read, write
from regulars.ledger import audit
from regulars.operation import applied_versions
from regulars.operation.applied_versions import Applied, By, Overtaken
from regulars.operation.stored_version import UnsoundVersion, require_sound_version
from regulars.operation.workspace_versions import files_of
from regulars.workspace.folder import open_workspace
from tests.common.bench import at
from tests.common.smtp import Inbox
from tests.common.workspace import write_company, write_email, write_workspace
from tests.dispatch.office import NEWS, VISIT, Office

pytestmark = pytest.mark.slow

Machine = Callable[[str], Office]
MANUAL = {"apply": "manual"}
CAMPAIGNS = {"news": NEWS, "visit": VISIT}
BROKEN = "campaigns:\n  news: {at: 2026-06-10 10:00, emial: news}\n"


@pytest.fixture
def machine(engine: Engine, tmp_path: Path, smtp_inbox: Inbox) -> Iterator[Machine]:
    """Machines on one database, each with a folder of its own."""
    opened: list[Office] = []

    def open_one(name: str) -> Office:
        opened.append(Office(engine, tmp_path / name, smtp_inbox.url))
        return opened[-1]

    yield open_one
    for office in opened:
        office.close()


def _apply(engine: Engine, root: Path, when: str = "2026-06-10T11:00", *, base: int | None = -1) -> Applied:
    workspace = open_workspace(root)
    found = applied_versions.current(engine)
    expected = base if base != -1 else None if found is None else found.number
    with write(engine) as connection:
        return applied_versions.put_in_force(
            connection, files_of(workspace), workspace.rulebook.policy.apply, "apply", By("ana", "a test"), expected,
            at(when),
        )  # fmt: skip


def test_two_machines_send_the_applied_version(machine: Machine, engine: Engine, smtp_inbox: Inbox) -> None:
    new, old = machine("new"), machine("old")
    write_workspace(old.root, CAMPAIGNS, lines={"visit": "The older words."})
    shutil.copytree(old.root, new.root)
    write_company(new.root, MANUAL)
    write_email(new.root, "visit", "The applied words.")
    new.clients("ada", "bo")
    old.tick()  # by itself: nobody has applied anything
    applied = _apply(engine, new.root, "2026-06-10T12:00")
    for office, client, minute in ((new, "ada", 1), (old, "bo", 2)):
        office.visit(client, f"2026-06-10T12:0{minute}")
        office.tick(f"2026-06-10T12:0{minute}")
    visits = [str(one.message) for one in smtp_inbox.messages if "visit for" in str(one.message["Subject"])]
    assert len(visits) == 2
    assert all("The applied words." in message for message in visits)
    assert new.runtime.draft is None
    assert f"differ from version {applied.number} of 2026-06-10 12:00 UTC" in str(old.runtime.draft)
    assert old.runtime.fault is None


def test_a_machine_without_files_sends_too(machine: Machine, engine: Engine, smtp_inbox: Inbox) -> None:
    author, bare = machine("author"), machine("bare")
    write_workspace(author.root, CAMPAIGNS, policy=MANUAL)
    _apply(engine, author.root)
    bare.root.mkdir()
    bare.clients("ada")
    bare.tick()
    assert len(smtp_inbox.messages) == 1
    assert bare.runtime.draft is None


def test_a_half_saved_file_changes_nothing_and_is_said_once(
    machine: Machine, engine: Engine, smtp_inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    office = machine("shop")
    write_workspace(office.root, CAMPAIGNS, policy=MANUAL)
    _apply(engine, office.root)
    office.clients("ada", "bo")
    office.plan()
    (office.root / "campaigns" / "campaigns.yaml").write_text(BROKEN, encoding="utf-8")
    office.dispatch()
    office.visit("ada", "2026-06-10T12:01")
    office.tick("2026-06-10T12:02")
    assert len(smtp_inbox.messages) == 3
    (told,) = [record.getMessage() for record in caplog.records if "faulty" in record.getMessage()]
    assert "which changes nothing" in told
    assert "did you mean `email`?" in told
    assert "campaigns.yaml:2:" in str(office.runtime.draft)
    assert office.runtime.fault is None


def test_manual_counts_once_applied_and_automatic_again_too(machine: Machine, engine: Engine) -> None:
    office = machine("shop")
    write_workspace(office.root, CAMPAIGNS)
    office.tick()
    assert applied_versions.current(engine).mode == "automatic"  # type: ignore[union-attr]
    write_company(office.root, MANUAL)
    office.tick()  # by itself, for the last time
    first = applied_versions.current(engine)
    assert first is not None
    assert (first.mode, first.how, first.who) == ("manual", "saved", None)
    write_company(office.root)
    office.tick()
    assert applied_versions.current(engine) == first
    back = _apply(engine, office.root)
    assert back.mode == "automatic"
    write_email(office.root, "visit", "Other words.")
    office.tick()
    last = applied_versions.current(engine)
    assert last is not None
    assert (last.how, last.mode) == ("saved", "automatic")
    with read(engine) as connection:
        assert [one.number for one in applied_versions.history(connection)] == [4, 3, 2, 1]
        (line,) = audit.lines(connection)
    assert (line.who, line.action, line.subject, line.why) == ("ana", "apply", "version 3", "a test")


def test_of_two_who_apply_at_once_the_second_is_told(engine: Engine, tmp_path: Path) -> None:
    root = write_workspace(tmp_path / "shop", CAMPAIGNS, policy=MANUAL)
    first = _apply(engine, root)
    write_email(root, "visit", "Other words.")
    _apply(engine, root, base=first.number)
    write_email(root, "visit", "Still others.")
    with pytest.raises(Overtaken, match="version 2 of ana came into force meanwhile"):
        _apply(engine, root, base=first.number)
    with read(engine) as connection:
        assert len(applied_versions.history(connection)) == 2
        assert len(audit.lines(connection)) == 2


def test_a_version_that_this_release_finds_faulty_stops_the_start(engine: Engine, tmp_path: Path) -> None:
    root = write_workspace(tmp_path / "shop", CAMPAIGNS, policy=MANUAL)
    files = {**files_of(open_workspace(root)), "campaigns/campaigns.yaml": BROKEN.encode()}
    with write(engine) as connection:  # as an older release found it sound
        applied_versions.put_in_force(connection, files, "manual", "apply", By("ana"), None, at("2026-06-10"))
    with pytest.raises(UnsoundVersion) as caught:
        require_sound_version(engine)
    assert "version 1 of the rules" in str(caught.value)
    assert "\ncampaigns/campaigns.yaml:2:" in str(caught.value)
    office = Office(engine, root, "smtp://localhost:9")
    with pytest.raises(UnsoundVersion):
        office.tick()
    office.close()


def test_a_version_applied_during_a_run_is_taken_up_before_the_next_chunk(
    machine: Machine, engine: Engine, smtp_inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regulars.operation.last_sound_rules._LOOK_EVERY", 0.0)
    office = Office(engine, machine("shop").root, smtp_inbox.url, REGULARS_CHUNK="2")
    write_workspace(office.root, CAMPAIGNS, policy=MANUAL, lines={"news": "The older words."})
    _apply(engine, office.root)
    office.clients(*(f"c-{number}" for number in range(8)))
    office.plan()
    write_email(office.root, "news", "The newer words.")
    asked = 0

    def apply_at_third_chunk() -> bool:
        nonlocal asked
        asked += 1
        if asked == 4:
            _apply(engine, office.root)
        return False

    office.dispatch(stop=apply_at_third_chunk)
    texts = [str(one.message) for one in smtp_inbox.messages]
    older = sum("The older words." in text for text in texts)
    assert len(texts) == 8
    assert 0 < older < 8
    assert older + sum("The newer words." in text for text in texts) == 8
    office.close()


def test_a_starter_email_is_frozen_with_the_version(engine: Engine, tmp_path: Path) -> None:
    root = write_workspace(tmp_path / "shop", {"thanks": {"on": "purchase", "email": "thank-you"}}, policy=MANUAL)
    shutil.rmtree(root / "templates" / "emails" / "thank-you")
    files = files_of(open_workspace(root))
    frozen = {path for path in files if path.startswith("starter/templates/emails/thank-you/")}
    assert "starter/templates/emails/thank-you/body.mjml" in frozen
    name = "starter/templates/emails/thank-you/words/en.yaml"
    changed = {**files, name: files[name] + b"unused: Of another release\n"}
    with write(engine) as connection:
        applied_versions.put_in_force(connection, changed, "manual", "apply", By("ana"), None, at("2026-06-10"))
    office = Office(engine, root, "smtp://localhost:9")
    assert "Of another release" in "".join(
        file.text for file in office.runtime.rules.templates.library.languages("thank-you").values()
    )
    office.close()
