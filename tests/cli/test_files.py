"""init, check, describe, schema, test: what is written in the workspace."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from regulars.cli import main
from tests.cli.conftest import TESTS, Project, write_tests


@pytest.mark.slow
def test_init_makes_a_workspace_that_checks(tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(main, ["init", str(tmp_path / "shop"), "--json"])
    assert made.exit_code == 0
    assert "campaigns/company.yaml" in json.loads(made.stdout)["files"]
    checked = runner.invoke(main, ["-w", str(tmp_path / "shop"), "check"])
    assert (checked.exit_code, checked.stdout.endswith("no mistakes\n")) == (0, True)


def test_init_touches_nothing_that_is_there(project: Project) -> None:
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    result = project.run("init", str(project.root))
    assert result.exit_code == 1
    assert "is there already" in result.stderr
    assert {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()} == before


def test_check_counts_what_is_there(project: Project) -> None:
    assert project.ok("check") == "3 campaigns, 2 tests, 3 emails: no mistakes\n"
    assert project.data("check") == {"version": 1, "errors": 0, "warnings": 0, "diagnostics": []}


def test_check_points_at_the_mistake_and_the_nearest_word(project: Project) -> None:
    project.rule("bad", when="customer.purchasess >= 2", email="bad")
    result = project.run("check")
    assert result.exit_code == 1
    assert "clients have no field `purchasess`" in result.stdout
    assert "did you mean `purchases`?" in result.stdout
    assert "^^^^^^^^^^" in result.stdout
    assert result.stdout.endswith("1 error, 0 warnings\n")


def test_check_gives_the_same_as_data(project: Project) -> None:
    project.rule("bad", when="customer.purchasess >= 2", email="bad")
    result = project.run("check", "--json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)["diagnostics"]
    assert set(found) == {"code", "severity", "path", "line", "column", "length", "message", "expected", "hint"}
    assert (found["code"], found["severity"]) == ("A001", "error")


def test_describe_says_a_sentence_for_each(project: Project) -> None:
    said = project.ok("describe", "birthday")
    assert said.startswith("birthday\n  Every year, on the day of a client's birthday")
    assert set(project.data("describe")["campaigns"]) == {"birthday", "thank-you", "win-back"}


def test_sentences_keep_to_the_width(project: Project) -> None:
    said = project.ok("describe", COLUMNS="60")
    assert max(map(len, said.splitlines())) <= 60


def test_describe_names_the_nearest_campaign(project: Project) -> None:
    result = project.run("describe", "birthdy")
    assert (result.exit_code, result.stderr) == (1, "error: no campaign `birthdy`; did you mean `birthday`?\n")


def test_the_schema_is_one(project: Project) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(project.ok("schema")))


def test_the_schema_completes_conditions_with_the_workspace_s_segments(project: Project) -> None:
    rules = "segments: {best: customer.spent > 5, loyal: in_segment('best')}\ncampaigns: {faulty: 5}\n"
    (project.root / "campaigns" / "segments.yaml").write_text(rules, encoding="utf-8")
    schema = json.loads(project.ok("schema"))
    jsonschema.Draft202012Validator.check_schema(schema)
    names = ["in_segment('best')", "in_segment('loyal')"]
    for part in (schema["$defs"]["Wave"]["properties"]["to"], schema["$defs"]["Campaign"]["properties"]["audience"]):
        assert part["anyOf"][0]["examples"][:2] == names
    assert schema["properties"]["segments"]["additionalProperties"]["examples"][:2] == names


@pytest.mark.slow
def test_rule_tests_run(project: Project) -> None:
    assert project.ok("test") == "2 passed, 0 failed\n"
    assert project.ok("test", "-v", "*missed").startswith("passed  somebody silent is missed\n1 passed")
    found = project.data("test", "*missed")
    assert found["tests"] == [{"name": "somebody silent is missed", "passed": True, "failures": []}]


@pytest.mark.slow
def test_a_failed_rule_test_says_why(project: Project) -> None:
    wrong = {**TESTS[1], "expect": {"win-back": {"subject": "*"}}}
    write_tests(project.root, [wrong])
    result = project.run("test")
    assert result.exit_code == 1
    assert result.stdout.startswith("FAILED  somebody who was here is not\n        win-back: expected an email")
    assert result.stdout.endswith("0 passed, 1 failed\n")


def test_a_test_that_is_not_there(project: Project) -> None:
    result = project.run("test", "nothing like it")
    assert (result.exit_code, "no test" in result.stderr) == (1, True)
