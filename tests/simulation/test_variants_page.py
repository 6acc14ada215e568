"""The worked A/B test of docs/rules.md: its tests pass, and fail where the example is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.simulation.rule_tests import run_trials
from regulars.workspace.folder import check, open_workspace
from tests.workspace.folders import SOUND

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLE, WAYS = (part.partition("```")[0] for part in PAGE.partition("## Variants")[2].split("```yaml\n")[1:3])
WORDS = SOUND["templates/emails/hello/words/en.yaml"]
FILES = {
    "campaigns/company.yaml": SOUND["campaigns/company.yaml"],
    "templates/emails/win-back/body.mjml": SOUND["templates/emails/hello/body.mjml"].replace(
        "event.service", "company.name"
    ),
    "templates/emails/win-back/words/en.yaml": WORDS.replace("Thanks for your visit", "We have not met for a while"),
    "templates/emails/win-back/words/en.gift.yaml": "subject: A gift is waiting for you\n",
}
LETTERS = {
    f"templates/emails/{name}/{file}": text
    for name in ("thank-you", "ask-advice", "next-purchase")
    for file, text in (("body.mjml", FILES["templates/emails/win-back/body.mjml"]), ("words/en.yaml", WORDS))
}


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def _failing(root: Path, example: str) -> list[str]:
    """The names of the example's tests that fail."""
    workspace = open_workspace(_write(root, {**FILES, **LETTERS, "campaigns/example.yaml": example}))
    assert len(workspace.rulebook.tests) == 3
    return [found.test.name for found in run_trials(workspace) if not found.passed]


def test_the_example_is_right(tmp_path: Path) -> None:
    assert _failing(tmp_path, EXAMPLE) == []


@pytest.mark.parametrize(
    ("old", "new", "failing"),
    [
        ("words: gift, offer: {coupon: {gift: a blade", "words: gift, offer: {coupon: {gift: a pen", ["the gift"]),
        ("{variant: plain, subject", "{variant: gift, subject", ["plain words, and no coupon"]),
        ("> 90", "> 99", ["plain words, and no coupon", "the gift", "some get nothing"]),
    ],
)
def test_its_tests_notice_another_meaning(old: str, new: str, failing: list[str], tmp_path: Path) -> None:
    assert _failing(tmp_path, EXAMPLE.replace(old, new, 1)) == failing


def test_the_example_of_steps_is_right(tmp_path: Path) -> None:
    assert _failing(tmp_path, WAYS) == []


@pytest.mark.parametrize(
    ("old", "new", "failing"),
    [
        ("within 14 days", "within 15 days", ["the patient way goes on while nothing is bought"]),
        ("== 1", "== 2", ["the one letter", "the patient way goes on while nothing is bought"]),
        ("    variants:", "    holdout: 0%\n    variants:", []),
    ],
)
def test_the_tests_of_steps_notice_another_meaning(old: str, new: str, failing: list[str], tmp_path: Path) -> None:
    assert _failing(tmp_path, WAYS.replace(old, new, 1)) == failing


PLAIN = """\
campaigns:
  win-back:
    on: purchase
    email: win-back
    goal: purchase within 14 days
    variants: [{name: plain}, {name: gift, words: gift}]
"""
GERMAN = {"templates/emails/win-back/words/de.yaml": WORDS}
FRENCH = {"templates/emails/win-back/words/fr.gift.yaml": "subject: Bonjour\n"}
LIKELY_MISTAKES = {
    "misspelt words": ("words: gift", "words: gfit", {}, "T023", "did you mean `gift`?"),
    "words that nobody wrote": ("words: gift", "words: other", {}, "T023", "words/en.other.yaml"),
    "a language without the words": ("", "", GERMAN, "T024", "words/de.gift.yaml"),
    "words of a language that the email lacks": ("", "", FRENCH, "T024", "words/fr.yaml"),
    "misspelt email": ("words: gift", "email: win-bak", {}, "T001", "did you mean `win-back`?"),
    "shares beyond the whole": ("name: plain", "name: plain, share: 120%", {}, "R003", "such as `50%`"),
    "shares that do not add up": (
        "{name: plain}, {name: gift,", "{name: plain, share: 60%}, {name: gift, share: 30%,", {}, "R050", "90 %",
    ),
    "nothing left": ("{name: plain}", "{name: plain, share: 100%}", {}, "R050", "nothing is left"),
    "one alone": ("{name: plain}, ", "", {}, "R052", "plain"),
    "two of one name": ("name: gift", "name: plain", {}, "R051", "two variants"),
    "a name of the holdout": ("name: plain", "name: control", {}, "R051", "`control`"),
    "no difference": (", words: gift", "", {}, "R053", "no different"),
    "misspelt key": ("words: gift", "word: gift", {}, "R001", "did you mean `words`?"),
    "keys instead of a list": ("[{name: plain}, {name: gift, words: gift}]", "{plain: 50%}", {}, "R003", "a list"),
    "no name": ("name: gift, ", "", {}, "R002", "`name` is missing"),
    "no goal": ("    goal: purchase within 14 days\n", "", {}, "R123", "goal"),
    "another email of an unknown step": ("words: gift", "email: {frist: win-back}", {}, "R054", "`frist`"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIKELY_MISTAKES)
def test_likely_mistakes_get_the_right_diagnostic(name: str, tmp_path: Path) -> None:
    old, new, files, code, words = LIKELY_MISTAKES[name]
    assert old in PLAIN
    root = _write(tmp_path, {**FILES, **files, "campaigns/example.yaml": PLAIN.replace(old, new, 1)})
    _, found, _ = check(root)
    assert [fault.code for fault in found] == [code]
    text = " ".join(filter(None, (found[0].message, found[0].expected, found[0].hint)))
    assert words in text
    assert found[0].span is not None


def test_an_unknown_variant_in_a_test_is_found(tmp_path: Path) -> None:
    example = EXAMPLE.replace("{variant: gift", "{variant: gfit")
    _, found, _ = check(_write(tmp_path, {**FILES, "campaigns/example.yaml": example}))
    assert [(fault.code, fault.hint) for fault in found] == [("R020", "did you mean `gift`?")]


OWN_STEPS = """\
campaigns:
  win-back:
    on: purchase
    email: win-back
    goal: purchase within 14 days
    variants: [{name: plain}, {name: long, steps: [{email: ask-advice}, {wait: 3 days, email: thank-you}]}]
"""
WAVES = "waves: [{to: customer.purchases > 1, email: win-back}, {email: next-purchase}]"
LIKELY_MISTAKES_OF_STEPS = {
    "a step of the same name": ("email: ask-advice", "email: win-back", "R009", "an `id` of its own"),
    "an email beside steps": ("name: long,", "name: long, email: ask-advice,", "R055", "in its step"),
    "no steps at all": ("[{email: ask-advice}, {wait: 3 days, email: thank-you}]", "[]", "R055", "a list of steps"),
    "steps and waves": ("email: win-back\n", f"{WAVES}\n", "R055", "`choose`"),
    "misspelt email": ("email: ask-advice", "email: ask-advise", "T001", "did you mean `ask-advice`?"),
    "misspelt key of a step": ("{wait: 3 days", "{wiat: 3 days", "R001", "did you mean `wait`?"),
    "no email among them": ("{email: ask-advice}, {wait: 3 days, email: thank-you}", "exit", "R071", "sends an email"),
    "a time of the event": ("{email: ask-advice}", "{email: ask-advice, at: event.at}", "R073", "`if`; or use `wait`"),
    "one variant alone": ("{name: plain}, ", "", "R052", "compared with nothing"),
    "steps after an exit": ("{email: ask-advice}, ", "{email: ask-advice}, exit, ", "R070", "nobody reaches it"),
    "twice the same way": ("[{name: plain}, ", "[{name: plain, words: gift}, {name: a, words: gift}, ", "R053", "`a`"),
}


@pytest.mark.parametrize("name", LIKELY_MISTAKES_OF_STEPS)
def test_likely_mistakes_of_steps_get_the_right_diagnostic(name: str, tmp_path: Path) -> None:
    old, new, code, words = LIKELY_MISTAKES_OF_STEPS[name]
    assert old in OWN_STEPS
    root = _write(tmp_path, {**FILES, **LETTERS, "campaigns/example.yaml": OWN_STEPS.replace(old, new, 1)})
    _, found, _ = check(root)
    assert found[0].code == code
    text = " ".join(filter(None, (found[0].message, found[0].expected, found[0].hint)))
    assert words in text
    assert found[0].span is not None
