"""import and db upgrade, as a person meets them."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import CUSTOMERS, Project

pytestmark = pytest.mark.slow


def test_a_file_twice(project: Project) -> None:
    path = str(project.file("customers.csv", CUSTOMERS))
    assert project.ok("import", "customers", path).startswith("customers.csv: 3 rows; 3 customers added, 0 changed")
    assert "0 customers added, 0 changed, 3 as they were" in project.ok("import", "customers", path)


def test_bad_rows_are_named_and_good_ones_are_in(project: Project) -> None:
    path = project.file("customers.csv", CUSTOMERS + "c-4,not an address,Di,Low,,yes\n")
    kept = project.root / "bad.csv"
    result = project.run("import", "customers", str(path), "--bad-rows", str(kept))
    assert result.exit_code == 1
    assert "3 customers added" in result.stdout
    assert "1 rows refused" in result.stdout
    assert "not an address" in kept.read_text("utf-8")
    assert "Refused" in result.stdout


def test_the_report_as_data(project: Project) -> None:
    path = project.file("customers.csv", CUSTOMERS + "c-4,not an address,Di,Low,,yes\n")
    found = json.loads(project.run("import", "customers", str(path), "--json").stdout)
    assert (found["kind"], found["rows"], found["added"], found["refused"]) == ("customers", 4, 3, 1)
    assert set(found["bad"][0]) == {"line", "column", "value", "reason", "hint"}
    assert found["bad"][0]["line"] == 5


def test_a_column_of_another_name(project: Project) -> None:
    path = project.file("people.csv", "id,E-Post\nc-1,ada@clients.example\n")
    project.ok("import", "customers", str(path), "--map", "E-Post=email")
    assert project.ok("explain", "ada@clients.example").startswith("c-1,")


def test_a_question_about_consent_and_its_answers(project: Project) -> None:
    path = str(project.file("people.csv", "id,email,Club GDPR\nc-1,ada@clients.example,gold\n"))
    asked = project.run("import", "customers", path)
    assert asked.exit_code != 0
    assert "D005" in asked.output
    assert "column `Club GDPR` may be about consent" in asked.output
    assert '--map "Club GDPR=subscribed"' in " ".join(asked.output.split())
    named = ("import", "customers", path, "--map", "Club GDPR=subscribed")
    assert project.run(*named).exit_code == 1, "gold is neither yes nor no"
    assert "1 customers added" in project.ok(*named, "--consent", "gold=no")
    assert "no answer about consent" in project.run(*named, "--consent", "gold=perhaps").stderr


def test_db_upgrade_says_where_it_is(project: Project) -> None:
    assert project.ok("db", "upgrade").startswith("The database is at revision ")
    assert set(project.data("db", "upgrade")) == {"version", "revision"}
