"""What clients answered, counted by question."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from regulars.cli import main
from regulars.db.engine import open_engine, read, write
from regulars.operation.database_upgrade import upgrade_database
from regulars.responses.survey_results import Result, results
from regulars.rules.loader import load
from regulars.workspace.starter import starter
from tests.common.people import SECRET, add_customer, add_event

pytestmark = pytest.mark.slow

ANSWERS: tuple[dict[str, Any], ...] = (
    {"survey": "nps", "score": 10, "words": "Quick"},
    {"survey": "nps", "score": 9},
    {"survey": "nps", "score": 7, "words": "Fine"},
    {"survey": "nps", "score": 0},
    {"survey": "quality", "score": 1, "on_time": "later"},
    {},  # of somebody erased
)


def answer(engine: Engine) -> None:
    with write(engine) as connection:
        for day, data in enumerate(ANSWERS, start=1):
            customer = add_customer(connection, f"c-{day}")
            add_event(connection, customer, "survey.answered", f"2026-06-{day:02}", data)


def test_scales_choices_and_words(engine: Engine) -> None:
    answer(engine)
    rulebook = load(starter() / "campaigns").rulebook
    assert rulebook is not None
    surveys = rulebook.surveys
    with read(engine) as connection:
        score, words = results(connection, surveys["nps"])
        quality = {result.question: result for result in results(connection, surveys["quality"])}
        assert "yield_per" not in connection.get_execution_options()
    assert score.counts == {**{str(n): 0 for n in range(11)}, "10": 1, "9": 1, "7": 1, "0": 1}
    assert (score.answered, score.mean, score.nps) == (4, 6.5, 25.0)
    assert words == Result("words", 2, {}, None, None, ("Fine", "Quick"))
    assert quality["on_time"].counts == {"earlier": 0, "agreed": 0, "later": 1}
    assert (quality["score"].nps, quality["again"].answered) == (None, 0)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REGULARS_SECRET", SECRET.decode())
    (tmp_path / "campaigns").mkdir()
    for name in ("company", "surveys"):
        shutil.copy(starter() / "campaigns" / f"{name}.yaml", tmp_path / "campaigns")
    engine = open_engine(f"sqlite:///{tmp_path / 'var' / 'regulars.sqlite'}")
    upgrade_database(engine, secret=SECRET)
    answer(engine)
    engine.dispose()
    return tmp_path


def test_the_command(root: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["--workspace", str(root), "survey", *words])
        return done.exit_code, done.output

    code, shown = run("nps")
    assert code == 0
    assert "4 answered, 6.5 on average, net promoter score +25" in shown
    assert "“Quick”" in shown
    assert json.loads(run("nps", "--since", "2026-06-03", "--json")[1])["questions"][0]["answered"] == 2
    code, shown = run("npx")
    assert code == 1
    assert "no survey `npx`; did you mean `nps`?" in shown
