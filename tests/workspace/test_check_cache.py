"""What was found sound is not compiled again; what changed is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from regulars.core.errors import Invalid
from regulars.render import email_check
from regulars.workspace import check_cache, folder
from regulars.workspace.folder import check, open_workspace
from tests.workspace.folders import SOUND, write

HELLO = "templates/emails/hello/"
SECOND = {
    f"templates/emails/bye/{name}": SOUND[f"{HELLO}{name}"] for name in ("body.mjml", "words/en.yaml", "sample.yaml")
}
RULES = SOUND["campaigns/thanks.yaml"] + "  goodbye: {on: visit.done, email: bye}\n"


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The emails that were checked, in order; a new user with a new process, as far as keys go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(check_cache, "_KNOWN", set())
    names: list[str] = []

    def counted(templates: Any, usages: Sequence[email_check.Usage], hosts: Any) -> Any:
        names.append(usages[0].email)
        return email_check.check_email(templates, usages, hosts)

    monkeypatch.setattr(folder, "check_email", counted)
    return names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", {**SECOND, "campaigns/thanks.yaml": RULES})


def forget_in_memory() -> None:
    """As in a new process."""
    check_cache._KNOWN.clear()


def test_what_is_sound_is_compiled_once(root: Path, compiled: list[str]) -> None:
    for _ in range(2):
        open_workspace(root)
        check(root)
        forget_in_memory()
    assert compiled == ["hello", "bye"]


def test_only_the_email_that_changed_is_compiled_again(root: Path, compiled: list[str]) -> None:
    check(root)
    words = root / HELLO / "words" / "en.yaml"
    words.write_text(words.read_text("utf-8").replace("How nice", "Good"), "utf-8")
    check(root)
    assert compiled == ["hello", "bye", "hello"]


@pytest.mark.parametrize("name", SOUND)
def test_every_file_counts(name: str, root: Path, compiled: list[str]) -> None:
    open_workspace(root)
    compiled.clear()
    (root / name).write_text((root / name).read_text("utf-8") + "\n", "utf-8")
    open_workspace(root)
    assert compiled == (["hello"] if name.startswith(HELLO) else [])


def test_a_part_that_all_share_changes_all(root: Path, compiled: list[str]) -> None:
    check(root)
    base = root / "templates" / "emails" / "_base" / "words" / "en.yaml"
    base.parent.mkdir(parents=True)
    base.write_text("greeting: Hello\n", "utf-8")
    check(root)
    assert compiled == ["hello", "bye"] * 2


def test_another_event_with_the_same_texts_is_checked_again(root: Path, compiled: list[str]) -> None:
    check(root)
    company = root / "campaigns" / "company.yaml"
    company.write_text(company.read_text("utf-8").replace("service: text", "servis: text"), "utf-8")
    workspace, faults, _ = check(root)
    assert workspace is None
    assert {fault.code for fault in faults if fault.span and "hello" in fault.span.path} == {"T004"}


def test_warnings_are_repeated(root: Path, compiled: list[str]) -> None:
    words = root / HELLO / "words" / "en.yaml"
    words.write_text(words.read_text("utf-8") + "spare: Not used\n", "utf-8")
    seen = [[fault.code for fault in check(root)[1]] for _ in range(2)]
    assert seen == [["T006"], ["T006"]]
    assert compiled == ["hello", "bye", "hello"]


def test_a_warning_about_rules_is_repeated(root: Path, compiled: list[str]) -> None:
    rules = root / "campaigns" / "thanks.yaml"
    late = """\
  code:
    on: visit.done
    offer: {coupon: {percent: 10, valid: 3 days}}
    steps:
      - email: code
      - {wait: 5 days, email: code, id: later}
"""
    rules.write_text(rules.read_text("utf-8") + late, "utf-8")
    files = {name.replace("bye", "code"): text for name, text in SECOND.items()}
    files["templates/emails/code/body.mjml"] = files["templates/emails/code/body.mjml"].replace(
        "{{ event.service }}", "{{ coupon.code }}"
    )
    write(root, {**SECOND, **files, "campaigns/thanks.yaml": rules.read_text("utf-8")})
    seen = [[fault.code for fault in check(root)[1]] for _ in range(2)]
    assert seen == [["T022"], ["T022"]]


def test_a_language_that_is_lacking_is_seen_although_no_email_is_compiled(root: Path, compiled: list[str]) -> None:
    check(root)
    (root / HELLO / "words" / "ro.yaml").write_text(SOUND[f"{HELLO}words/en.yaml"], "utf-8")
    _, faults, _ = check(root)
    assert compiled == ["hello", "bye", "hello"]
    assert [(fault.code, re.findall(r"`(\w+)`", fault.message)) for fault in faults] == [("T009", ["bye", "ro"])]


def test_a_sound_email_that_breaks_is_noticed(root: Path, compiled: list[str]) -> None:
    open_workspace(root)
    body = root / HELLO / "body.mjml"
    body.write_text(body.read_text("utf-8").replace("event.service", "event.x"), "utf-8")
    with pytest.raises(Invalid):
        open_workspace(root)


def test_a_link_out_of_the_folder_is_not_what_it_leads_to(root: Path, tmp_path: Path, compiled: list[str]) -> None:
    check(root)
    body = root / HELLO / "body.mjml"
    body.rename(tmp_path / "elsewhere.mjml")
    body.symlink_to(tmp_path / "elsewhere.mjml")
    assert "T015" in [fault.code for fault in check(root)[1]]


def test_another_workspace_of_the_same_user_profits(root: Path, tmp_path: Path, compiled: list[str]) -> None:
    check(root)
    forget_in_memory()
    check(write(tmp_path / "twin", {**SECOND, "campaigns/thanks.yaml": RULES}))
    assert compiled == ["hello", "bye"]


def test_the_worker_finds_it_in_var(root: Path, tmp_path: Path, compiled: list[str]) -> None:
    (root / "var").mkdir()
    check(root)
    forget_in_memory()
    (tmp_path / "cache" / "regulars" / "sound").unlink()
    open_workspace(root)
    assert compiled == ["hello", "bye"]


def test_where_nothing_can_be_written_it_is_checked_each_time(root: Path, tmp_path: Path, compiled: list[str]) -> None:
    (tmp_path / "cache").write_text("not a folder")
    for _ in range(2):
        check(root)
        forget_in_memory()
    assert compiled == ["hello", "bye"] * 2
    assert not (root / "var").exists()


def test_the_oldest_keys_are_dropped(root: Path, tmp_path: Path, compiled: list[str]) -> None:
    for number in range(0, 6000, 1000):
        check_cache.add(root, [f"{key:032x}" for key in range(number, number + 1000)])
    kept = (tmp_path / "cache" / "regulars" / "sound").read_text().split()
    assert kept == [f"{key:032x}" for key in range(1000, 6000)]
