"""docs/commands.md knows every command, option and key; help is quick and fits a terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from regulars.cli import COMMANDS, main
from regulars.cli.output import VERSION
from regulars.core.settings import SMTP_URL_OF
from regulars.insights.campaign_report import Figures
from regulars.insights.lift import Group, Lift
from regulars.insights.link_responses import GradeCounts, LinkClicks, LinkReport
from regulars.simulation.version_difference import ClientChanges, VersionDifference
from regulars.workspace.normal_form import PartChange

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "commands.md").read_text("utf-8")


def options(name: str) -> set[str]:
    """The long options of a command, and of the commands below it."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    found = list(command.params)
    if isinstance(command, click.Group):
        found += [param for below in command.commands.values() for param in below.params]
    return {option for param in found for option in param.opts if option.startswith("--")}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `regulars {name}"))
    general = {"--json", "--now"}  # described once, for all
    assert {option for option in options(name) - general if not re.search(rf"`(-\w, )?{option}\b", row)} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_eighty_columns(name: str) -> None:
    shown = CliRunner().invoke(main, [name, "--help"], terminal_width=80).output
    assert max(map(len, shown.splitlines())) <= 80


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    program = (
        "import sys\nfrom regulars.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'pydantic', 'celery', 'jinja2', 'rich', 'babel'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert [name for name in COMMANDS if f"  {name}" not in shown.stdout] == []


def test_the_examples_of_json_are_json() -> None:
    plan, report, diff = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    assert (plan["version"], report["version"], diff["version"]) == (VERSION, VERSION, VERSION)


def test_the_example_of_a_difference_has_the_shape_of_a_difference() -> None:
    example = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[2])
    part = PartChange("campaign", "win-back", "changed", ("@@", "-a", "+b"))
    moment = datetime(2026, 6, 10, tzinfo=UTC)
    made = VersionDifference(moment, moment, [part], {"win-back": ClientChanges(("v-007",))}).to_json()
    assert set(example) == {"version", "against", *made}
    assert set(example["parts"][0]) == set(made["parts"][0])
    assert set(example["campaigns"]["win-back"]) == set(made["campaigns"]["win-back"])


def test_the_example_of_a_report_has_the_shape_of_a_report() -> None:
    example = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])["campaigns"]["win-back"]
    followed = LinkClicks("book", GradeCounts(1))
    lift = Lift(Group(2, 1), Group(2, 0), "purchase within 14 days")
    made = Figures(clicks=GradeCounts(1), links=LinkReport((followed,)), lift=lift).to_json()
    assert set(example) == set(made)
    assert {tuple(link) for link in example["links"]} == {tuple(followed.to_json())}
    assert set(example["clicks"]) == set(made["clicks"])
    assert set(example["lift"]) == set(made["lift"])


@pytest.mark.parametrize("page", ["commands", "operations", "settings"])
def test_every_variable_that_a_page_names_exists(page: str) -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "src" / "regulars").rglob("*.py"))
    named = set(re.findall(r"REGULARS_[A-Z_]+[A-Z]", (ROOT / "docs" / f"{page}.md").read_text("utf-8")))
    assert {name for name in named if name not in sources and not name.startswith(SMTP_URL_OF)} == set()
