"""A tiny project in a folder of the test, and the real command on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from regulars.cli import main
from tests.common.workspace import write_campaigns, write_email, write_workspace

WIN_BACK: dict[str, Any] = {
    "about": "We miss you",
    "when": "days_since(customer.last_purchase_at) > 90",
    "again": "after 365 days",
    "email": "win-back",
}
THANK_YOU: dict[str, Any] = {"on": "purchase", "audience": "customer.purchases == 1", "email": "thank-you"}
BIRTHDAY: dict[str, Any] = {"every": "year since customer.birthday", "email": "birthday"}
TESTS = [
    {
        "name": "somebody silent is missed",
        "customer": {"purchases": ["2026-03-01"]},
        "on": "2026-05-31",
        "expect": {"win-back": {"subject": "win-back*"}},
    },
    {
        "name": "somebody who was here is not",
        "customer": {"purchases": ["2026-05-01"]},
        "on": "2026-05-31",
        "expect": {"win-back": "nothing"},
    },
]
CUSTOMERS = """\
id,email,first_name,last_name,birthday,consent
c-1,ada@clients.example,Ada,Stone,1984-06-10,yes
c-2,bo@clients.example,Bo,Reed,,yes
c-3,cy@clients.example,Cy,Wall,1990-06-10,no
"""
PURCHASES = """\
order,customer,date,amount
o-1,c-1,2025-01-10,20.00
o-2,c-2,2026-03-02,30.00
"""


@dataclass
class Project:
    """A workspace and its command."""

    root: Path

    def run(self, *arguments: str, **environment: str) -> Result:
        """`regulars -w ROOT ARGUMENTS`, in this process."""
        runner = CliRunner(env={"COLUMNS": "110", **environment})
        return runner.invoke(main, ["--workspace", str(self.root), *arguments], prog_name="regulars")

    def ok(self, *arguments: str, **environment: str) -> str:
        """What it prints when all is well."""
        result = self.run(*arguments, **environment)
        assert result.exit_code == 0, result.output
        assert all(line == line.rstrip() for line in result.stdout.splitlines()), "a line ends in blanks"
        return result.stdout

    def data(self, *arguments: str) -> dict[str, Any]:
        """Its JSON."""
        found = json.loads(self.ok(*arguments, "--json"))
        assert found["version"] == 1
        assert isinstance(found, dict)
        return found

    def rule(self, name: str, **keys: Any) -> None:
        """Writes one campaign more into a file of its own."""
        write_campaigns(self.root, {name: keys}, name)
        write_email(self.root, name, "We thought of you.")

    def file(self, name: str, text: str) -> Path:
        """A file in the workspace."""
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        return path


def write_tests(root: Path, tests: list[Mapping[str, Any]]) -> None:
    """Rule tests in a file of their own; JSON is YAML."""
    (root / "campaigns" / "tests.yaml").write_text(json.dumps({"tests": tests}), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three campaigns, two rule tests, nobody in the database."""
    campaigns = {"win-back": WIN_BACK, "thank-you": THANK_YOU, "birthday": BIRTHDAY}
    root = write_workspace(tmp_path / "shop", campaigns, policy={"quiet_hours": "20:00-09:00"})
    write_tests(root, [*TESTS])
    return Project(root)


@pytest.fixture
def clients(project: Project) -> Project:
    """The project with three clients and two purchases; its rules in force since 30 May 2026."""
    for kind, text in (("customers", CUSTOMERS), ("purchases", PURCHASES)):
        project.ok("import", kind, str(project.file(f"{kind}.csv", text)))
    project.ok("tick", "--now", "2026-05-30")
    return project
