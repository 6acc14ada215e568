"""The starters for kinds of business: whole, sound, in their own words, and each word of theirs in use."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from regulars.cli import main
from regulars.render.compile import Templates
from regulars.render.message import render
from regulars.rules.model import Expectation
from regulars.workspace.folder import open_workspace
from regulars.workspace.starter import Kind, kinds, overlaid, starter
from tests.common.scratch import run_trials

pytestmark = pytest.mark.slow

LANGUAGES = ("en", "uk", "ru", "ro", "et")
KINDS = ("b2b", "salon", "shop")
MACHINES = re.compile(
    r"machin|mower|garden|workshop|sharpen|blade|chainsaw|verde|brush cutter"
    r"|газонокос|бензопил|мотокос|заточ|майстерн|\bсад|техні|машин"
    r"|заточк|мастерск|газонокосил|техник"
    r"|ascuți|atelier|grădin|utilaj|motofier"
    r"|terita|töökoda|töökotta|töökojas|\baeda|\baia\b|muruniid|masin",
    re.IGNORECASE,
)


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A workspace of the kind, made by the command."""
    root = tmp_path_factory.mktemp("kinds") / request.param
    _ok("init", "--starter", request.param, str(root))
    return request.param, root


def _ok(*arguments: str) -> str:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_every_kind_says_what_it_is() -> None:
    assert tuple(kinds()) == KINDS
    assert all(kinds().values())


def test_it_is_sound_and_previews(made: tuple[str, Path]) -> None:
    _, root = made
    assert "no mistakes" in _ok("-w", str(root), "check")
    assert json.loads(_ok("-w", str(root), "preview", "client-anniversary", "--locale", "uk", "--json"))["emails"]


def test_its_rule_tests_pass(made: tuple[str, Path]) -> None:
    """One of each campaign and the order; `regulars test` runs the same for all."""
    _, root = made
    workspace = open_workspace(root)
    chosen = [test.name for test in workspace.rulebook.tests if _ranks(list(test.expect.values()))]
    assert len(chosen) == 1
    for name in workspace.rulebook.campaigns:
        chosen += [t.name for t in workspace.rulebook.tests if name in t.expect and t.name not in chosen[:1]][:1]
    results = run_trials(workspace, chosen)
    assert len(results) > len(workspace.rulebook.campaigns) * 0.7, "some tests speak of two campaigns"
    assert [(result.test.name, list(result.failures)) for result in results if not result.passed] == []


def _ranks(expected: list[Expectation | str]) -> bool:
    return any(isinstance(one, Expectation) and one.outranks for one in expected)


def test_no_email_speaks_of_another_business(made: tuple[str, Path]) -> None:
    _, root = made
    templates = Templates([root / "templates" / "emails"], company_locale="ro")
    for email in templates.names():
        for language in LANGUAGES:
            message = render(templates.compiled(email, language), templates.sample(email))
            for text in (message.subject, message.preheader, message.text):
                assert not MACHINES.search(text), (email, language, MACHINES.findall(text), text)


def test_no_rule_file_speaks_of_another_business(made: tuple[str, Path]) -> None:
    _, root = made
    for path in (root / "campaigns").glob("*.yaml"):
        assert not MACHINES.search(path.read_text("utf-8")), path.name


def test_its_products_come_in(made: tuple[str, Path]) -> None:
    _, root = made
    assert "0 rows refused" in _ok("-w", str(root), "import", "products", str(root / "products.csv"))


@pytest.mark.parametrize("name", KINDS)
def test_each_word_of_its_own_is_in_use(name: str) -> None:
    kind = Kind.of(name)
    emails = starter() / "templates" / "emails"
    texts = [(starter() / "campaigns" / f"{one}.yaml") for one in ("company", "surveys", *kind.campaigns)]
    written = "".join(p.read_text("utf-8") for p in (*texts, *emails.glob("*/sample.yaml")) if p.is_file())
    assert [old for old in kind.replace if old not in written] == []
    english = kind.words("en")
    for language in LANGUAGES:
        own = kind.words(language)
        assert {email: set(words) for email, words in own.items()} == {e: set(words) for e, words in english.items()}
        for email, words in own.items():
            base = yaml.safe_load((emails / email / "words" / f"{language}.yaml").read_text("utf-8"))
            assert set(words) <= set(base)
            assert [key for key in words if words[key] == base[key]] == []
            if language != "en":
                assert [key for key in words if words[key] == english[email][key]] == []


def test_words_are_laid_over_others_which_stay_as_they_are_written() -> None:
    text = 'a: one  # kept\nb: "two: {{ x }}"\nc: three\n'
    own = {"b": "zwei: {{ y }}", "d": "vier"}
    assert overlaid(text, own) == "a: one  # kept\nb: 'zwei: {{ y }}'\nc: three\nd: vier\n"


def test_a_kind_that_there_is_not_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["init", "--starter", "salom", str(tmp_path / "x")])
    assert done.exit_code == 1
    assert "salon" in done.output
    assert not (tmp_path / "x").exists()
