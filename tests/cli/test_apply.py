"""diff, apply, history, rollback and log, as the author of the rules meets them."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Project
from tests.common.workspace import write_company, write_email

pytestmark = pytest.mark.slow

WHO = {"REGULARS_WHO": "Ana"}


def _edit(project: Project, name: str, old: str, new: str) -> None:
    path = project.root / "campaigns" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def _manual(project: Project) -> None:
    write_company(project.root, {"quiet_hours": "20:00-09:00", "apply": "manual"})


def test_no_difference_is_0_and_a_difference_is_4(clients: Project) -> None:
    assert "No difference from version 1, in force since" in clients.ok("diff")
    _edit(clients, "campaigns.yaml", "about: We miss you", "about: We miss you much")
    result = clients.run("diff", "--now", "2026-06-10T12:00")
    assert result.exit_code == 4
    assert "campaign win-back: changed" in result.output
    assert "-about: We miss you\n" in result.output
    assert "+about: We miss you much" in result.output
    assert "Nobody gains or loses an email until 2026-06-10 23:59." in result.output


def test_diff_names_who_gains_loses_and_gets_another_email(clients: Project) -> None:
    _edit(clients, "campaigns.yaml", "  birthday:\n", "  birthday:\n    audience: customer.first_name == 'Bo'\n")
    write_email(clients.root, "win-back", "We thought of you again.")
    result = clients.run("diff", "--now", "2026-06-10T12:00", "--json")
    assert result.exit_code == 4
    assert '"losses": [\n        "c-1"\n      ]' in result.stdout
    rows = list(csv.reader(io.StringIO(clients.run("diff", "--now", "2026-06-10T12:00", "--csv").stdout)))
    assert rows == [
        ["campaign", "client", "effect"], ["birthday", "c-1", "loses"], ["win-back", "c-2", "gets another"],
    ]  # fmt: skip
    assert "email win-back: changed" in clients.run("diff", "--days", "0").output


def test_applying_is_recorded_and_rolled_back(clients: Project) -> None:
    _manual(clients)
    write_email(clients.root, "birthday", "Many happy returns.")
    said = clients.ok("apply", "-m", "the new card", "--auto-approve", **WHO)
    assert "Version 2 is in force, on every machine" in said
    assert "Nothing to apply: version 2" in clients.ok("apply", "--auto-approve")
    write_email(clients.root, "birthday", "Happy happy.")
    clients.ok("apply", "--auto-approve", **WHO)
    said = clients.ok("rollback", "-m", "the older card", "--auto-approve", **WHO)
    assert "email birthday: changed" in said
    assert "Version 4 is in force" in said
    history = clients.data("history")["versions"]
    assert [(one["number"], one["how"], one.get("who"), one.get("message")) for one in history] == [
        (4, "rollback", "Ana", "the older card"), (3, "apply", "Ana", None), (2, "apply", "Ana", "the new card"),
        (1, "saved", None, None),
    ]  # fmt: skip
    assert history[0]["digest"] == history[2]["digest"]
    assert "Version 4 is in force, until `regulars apply`." in clients.ok("history")
    log = [(line["action"], line["subject"], line.get("why")) for line in clients.data("log", "--who", "ana")["lines"]]
    assert log == [
        ("rollback", "version 4", "the older card"), ("apply", "version 3", None),
        ("apply", "version 2", "the new card"),
    ]  # fmt: skip
    assert clients.run("diff").exit_code == 4  # the folder is still the third
    assert "differ from version 4" in clients.ok("report")
    clients.ok("rollback", "2", "--auto-approve")
    assert clients.run("rollback", "77", "--auto-approve").exit_code == 1


def test_a_rollback_holds_although_its_version_says_automatic(clients: Project) -> None:
    write_email(clients.root, "birthday", "A mistake.")
    clients.ok("tick", "--now", "2026-05-31")
    clients.ok("rollback", "--auto-approve")
    clients.run("tick", "--now", "2026-06-01")  # there is no mail server
    versions = clients.data("history")["versions"]
    assert [(one["how"], one["mode"]) for one in versions] == [
        ("rollback", "manual"), ("saved", "automatic"), ("saved", "automatic"),
    ]  # fmt: skip


def test_a_failing_test_or_a_fault_is_not_applied(clients: Project) -> None:
    _edit(clients, "campaigns.yaml", "> 90", "> 900")
    result = clients.run("apply", "--auto-approve")
    assert result.exit_code == 1
    assert "nothing was applied: the test `somebody silent is missed` fails" in result.output
    _edit(clients, "campaigns.yaml", "> 900", "> 90")
    _edit(clients, "campaigns.yaml", "about:", "abut:")
    result = clients.run("apply", "--auto-approve")
    assert result.exit_code == 1
    assert "did you mean `about`?" in result.output
    assert len(clients.data("history")["versions"]) == 1
    assert clients.data("log")["lines"] == []


def test_a_change_that_reaches_too_many_needs_the_number(clients: Project) -> None:
    _manual(clients)
    clients.rule("news", at="2030-06-10 10:00", email="news", backfill="all")
    clients.rule("all", when="customer.purchases >= 1", email="all", backfill="all", kind="transactional")
    refused = clients.run("apply", "--auto-approve", "--most", "1")
    assert refused.exit_code == 1
    assert "nothing was applied: this change reaches 2 clients, more than 1; --most 2 allows it" in refused.output
    assert len(clients.data("history")["versions"]) == 1
    clients.ok("apply", "--auto-approve", "--most", "2")
    assert clients.data("history")["versions"][0]["campaigns"] == ["all", "news"]


def test_the_number_is_typed_in(clients: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.cli.apply.MOST", 0)
    clients.rule("all", when="customer.purchases >= 1", email="all", backfill="all", kind="transactional")
    from click.testing import CliRunner

    from regulars.cli import main

    for typed, code in (("y", 1), ("3", 1), ("2", 0)):
        result = CliRunner().invoke(main, ["-w", str(clients.root), "apply"], input=f"{typed}\n")
        assert result.exit_code == code, result.output
    assert clients.data("history")["versions"][0]["how"] == "apply"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_diff_against_a_folder_a_version_and_a_git_revision(clients: Project, tmp_path: Path) -> None:
    root = clients.root
    shutil.copytree(root / "campaigns", tmp_path / "other" / "campaigns")
    shutil.copytree(root / "templates", tmp_path / "other" / "templates")
    git = ["git", "-C", str(root), "-c", "user.name=Ana", "-c", "user.email=ana@studio.example"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "campaigns", "templates"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "Rules"], check=True)
    assert clients.run("diff", str(tmp_path / "other")).exit_code == 0
    assert clients.run("diff", "HEAD").exit_code == 0
    _edit(clients, "campaigns.yaml", "about: We miss you", "about: We miss you much")
    clients.ok("apply", "--auto-approve")
    assert clients.run("diff").exit_code == 0
    for base, words in (("1", "version 1"), ("HEAD", "the git revision HEAD"), (str(tmp_path / "other"), "the folder")):
        result = clients.run("diff", base)
        assert result.exit_code == 4, result.output
        assert f"Compared with {words}" in result.output
    version = clients.data("history")["versions"][0]
    assert (len(version["commit"]), version["dirty"]) == (40, True)
    unknown = clients.run("diff", "no-such-branch")
    assert unknown.exit_code == 1
    assert "no version, folder or git revision `no-such-branch`" in unknown.output


def test_without_git_there_is_a_sentence(clients: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = clients.run("diff", "HEAD")
    assert result.exit_code == 1
    assert "git is not installed here" in result.output
    _edit(clients, "campaigns.yaml", "about: We miss you", "about: We miss you much")
    clients.ok("apply", "--auto-approve")
    assert "commit" not in clients.data("history")["versions"][0]


def test_plan_goes_by_the_applied_version(clients: Project) -> None:
    _manual(clients)
    clients.ok("apply", "--auto-approve")
    (clients.root / "campaigns" / "campaigns.yaml").write_text("campaigns: [", "utf-8")
    result = clients.run("plan", "--now", "2026-06-10T12:00", "--json")
    assert result.exit_code == 0
    assert '"birthday"' in result.stdout
    assert "note: the files in this folder are faulty" in result.stderr
    assert clients.run("tick", "--now", "2026-06-10T12:00").exit_code in (0, 3)  # there is no mail server
    explained = clients.ok("explain", "c-1", "birthday", "--now", "2026-06-10T12:00")
    assert "the files in this folder are faulty" in " ".join(explained.split())


def test_what_people_did_is_in_the_log(clients: Project) -> None:
    clients.ok("suppress", "bo@clients.example", "--why", "rang us", **WHO)
    clients.ok("suppress", "bo@clients.example", **WHO)  # nothing new
    clients.ok("unsuppress", "bo@clients.example", "--why", "rang again", **WHO)
    clients.ok("alias", "c-2", "till-7", **WHO)
    clients.ok("merge", "c-2", "c-3", "--yes", **WHO)
    clients.ok("key", "till", "--for", "coupons", **WHO)
    clients.ok("erase", "c-1", "--yes", **WHO)
    lines = clients.data("log")["lines"]
    assert [(line["action"], line.get("subject"), line.get("why")) for line in lines] == [
        ("erase", "c-1", None), ("key", "till", "for coupons"), ("merge", "c-3 into c-2", None),
        ("alias", "c-2: till-7", None), ("unsuppress", None, "rang again"), ("suppress", None, "rang us"),
    ]  # fmt: skip
    assert {line["who"] for line in lines} == {"Ana"}
    assert "@" not in str(lines)
    assert "address " in clients.ok("log")
    assert clients.data("log", "--since", "2099-01-01")["lines"] == []
