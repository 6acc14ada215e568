"""suppress, unsuppress and suppressions, as an operator meets them."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from regulars.cli import COMMANDS, NEVER_HINTED, import_options, main
from tests.cli.conftest import Project
from tests.common.workspace import write_company

pytestmark = pytest.mark.slow


def listed(project: Project, *options: str) -> list[tuple[str, str, list[str]]]:
    found = project.data("suppressions", *options)["suppressions"]
    return sorted((one["reason"], one["scope"], one["clients"]) for one in found)


def test_an_address_by_any_spelling_is_suppressed_and_let_go(clients: Project) -> None:
    said = clients.ok("suppress", "ADA@Clients.Example", "--why", "asked by phone")
    assert "ADA@Clients.Example is suppressed from every email: manual" in said
    assert "clients with the address: c-1" in said
    assert "is already suppressed" in clients.ok("suppress", "ada@clients.example", "--scope", "marketing")
    assert listed(clients) == [("manual", "all", ["c-1"])]
    lifted = clients.data("unsuppress", "Ada@clients.example", "--why", "changed her mind")
    assert lifted == {"version": 1, "lifted": 1, "not_suppressed": 0, "erased": 0, "forgiven": 0, "bad": []}
    assert clients.data("unsuppress", "ada@clients.example", "--why", "again")["not_suppressed"] == 1
    assert listed(clients) == []
    log = [(line["source"], line["detail"]) for line in exported_log(clients, "c-1") if line["topic"] == "address"]
    assert log == [
        ("manual", {"suppressed": "all", "by": "suppress", "why": "asked by phone"}),
        ("unsuppress", {"unsuppressed": "all", "was": "manual", "why": "changed her mind"}),
    ]


def exported_log(project: Project, customer: str) -> list[dict[str, object]]:
    found = project.data("export", customer)["consent_log"]
    assert isinstance(found, list)
    return found


def test_a_suppressed_client_gets_nothing(clients: Project) -> None:
    clients.ok("suppress", "ada@clients.example")
    plan = clients.data("plan", "--now", "2026-06-10T12:00")["campaigns"]
    assert plan["birthday"]["skipped"]["suppressed"] == 1
    assert plan["birthday"]["due"] == 0


def test_faulty_rules_keep_nobody_from_it(clients: Project) -> None:
    clients.file("campaigns/broken.yaml", "campaigns: [")
    assert clients.run("plan").exit_code == 1
    clients.ok("suppress", "ada@clients.example")
    assert listed(clients) == [("manual", "all", ["c-1"])]
    clients.ok("unsuppress", "ada@clients.example", "--why", "a test")


def test_a_list_one_to_a_line(clients: Project) -> None:
    path = clients.file("gone.txt", "Ada@clients.example\n\n<bo@clients.example>\nnobody@else.example,\nno address\n")
    result = clients.run("suppress", str(path), "--reason", "complained", "--scope", "marketing")
    assert result.exit_code == 1
    assert "4 rows; 3 suppressions added, 0 changed, 0 as they were, 1 rows refused" in result.stdout
    assert "2 clients have one of the addresses" in result.stdout
    assert "no address" in result.stdout
    assert listed(clients) == [("complained", "marketing", whose) for whose in ([], ["c-1"], ["c-2"])]
    lifted = json.loads(clients.run("unsuppress", str(path), "--why", "the wrong list", "--json").stdout)
    assert (lifted["lifted"], [fault["line"] for fault in lifted["bad"]]) == (3, [5])
    assert listed(clients) == []


def test_a_file_with_columns(clients: Project) -> None:
    path = clients.file("bounces.csv", "recipient;type;created_at\nada@clients.example;hard_bounce;2026-01-31\n")
    clients.ok("suppress", str(path))
    (found,) = clients.data("suppressions")["suppressions"]
    assert (found["reason"], found["since"][:10], found["clients"]) == ("bounced", "2026-01-31", ["c-1"])


def test_what_an_erased_person_asked_for_stays_unless_it_is_meant(clients: Project) -> None:
    clients.ok("erase", "ada@clients.example", "--yes")
    clients.ok("suppress", "bo@clients.example")
    path = clients.file("back.txt", "ada@clients.example\nbo@clients.example\n")
    result = clients.run("unsuppress", str(path), "--why", "a new contract")
    assert result.exit_code == 1
    told = " ".join(result.stdout.split())
    assert "2 addresses: 1 lifted, 0 not suppressed" in told
    assert "1 address belongs to somebody who was erased and stays suppressed" in told
    assert "they asked to be forgotten" in told
    assert listed(clients) == [("erased", "all", [])]
    assert clients.data("unsuppress", str(path), "--why", "a new contract", "--erased")["lifted"] == 1
    assert listed(clients) == []


def test_the_list_says_that_only_hashes_are_kept(clients: Project) -> None:
    assert clients.ok("suppressions") == "0 addresses suppressed: –\n"
    clients.ok("suppress", "ada@clients.example", "--why", "=cmd()")
    clients.ok("suppress", "nobody@else.example", "--reason", "bounced")
    said = clients.ok("suppressions")
    assert said.startswith("2 addresses suppressed: 1 bounced, 1 manual\nOnly keyed hashes of the addresses are kept")
    assert "c-1" in said
    for text in (said, clients.ok("suppressions", "--csv"), clients.ok("suppressions", "--json")):
        assert "@" not in text
    assert listed(clients, "--reason", "bounced") == [("bounced", "all", [])]
    rows = list(csv.DictReader(clients.ok("suppressions", "--csv", "--reason", "manual").splitlines()))
    assert [(row["reason"], row["scope"], row["detail"], row["clients"]) for row in rows] == [
        ("manual", "all", "'=cmd()", "c-1")
    ]
    assert len(rows[0]["email_hash"]) == 64


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["suppress", "nowhere.csv"], 2, "`nowhere.csv` is no file that is there, and no e-mail address"),
        (["suppress", "x" * 5000], 2, "for it has no @"),
        (["suppress", "a@@b"], 1, "`a@@b` is not an e-mail address"),
        (["unsuppress", "a@@b", "--why", "w"], 1, "`a@@b` is not an e-mail address"),
        (["unsuppress", "ada@clients.example"], 2, "--why"),
        (["unsuppress", "ada@clients.example", "--why", " "], 2, "say why"),
        (["suppressions", "--reason", "because"], 2, "because"),
    ],
)
def test_wrong_calls(project: Project, arguments: list[str], code: int, words: str) -> None:
    result = project.run(*arguments)
    assert (result.exit_code, words in " ".join(result.stderr.split())) == (code, True), result.output


def test_a_folder_is_no_list(project: Project) -> None:
    result = project.run("suppress", str(project.root))
    assert (result.exit_code, "is a folder" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "typed",
    ["cancle", "release", "reset", "unsubscribe", "supress", "unsupress", "express", "compress", "ticket", "eras"],
)
def test_nobody_is_led_to_what_cannot_be_taken_back(typed: str) -> None:
    told = CliRunner().invoke(main, [typed]).stderr
    assert [name for name in NEVER_HINTED if f"did you mean `{name}`" in told] == []
    assert f"no command `{typed}`" in told


def test_the_commands_that_are_never_hinted_exist() -> None:
    assert set(COMMANDS) >= NEVER_HINTED
    assert set(import_options.KINDS) >= import_options.NEVER_HINTED
    assert "did you mean `suppressions`" in CliRunner().invoke(main, ["supressions"]).stderr  # it only lists


@pytest.mark.parametrize("typed", ["subscriptions", "submissions", "supressions"])
def test_a_list_of_subscribers_is_not_led_to_suppression(typed: str) -> None:
    told = CliRunner().invoke(main, ["import", typed, __file__]).stderr
    assert "did you mean `suppressions`" not in told
    assert f"`{typed}` cannot be imported" in told


def test_a_wrong_option_does_not_lead_to_erased(project: Project) -> None:
    told = project.run("unsuppress", "ada@clients.example", "--reason", "x").stderr
    assert "No such option" in told
    assert "--erased" not in told


@pytest.mark.parametrize("command", [["suppress"], ["import", "suppressions"]], ids=" ".join)
def test_dates_of_a_list_are_read_on_the_companys_clock(project: Project, command: list[str]) -> None:
    write_company(project.root, company={"timezone": "America/New_York"})
    project.ok(*command, str(project.file("gone.csv", "email,date\nada@clients.example,2026-03-01 23:30\n")))
    (row,) = project.data("suppressions")["suppressions"]
    assert row["since"].startswith("2026-03-02T04:30")
