"""Private words of the first versions stay out of names, and the glossary explains those that are kept."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.test_modules import MODULES, ROOT

pytestmark = pytest.mark.slow

# Private words of the first version, and the word of the field that stands in their place.
GONE = {
    "ground": "plan context",
    "live": "active campaign",
    "lives": "active campaigns",
    "clearance": "eligibility",
    "doubts": "skip reasons",
    "glance": "fast path",
    "spotless": "all clear",
    "stirring": "prefilter",
    "stirred": "prefiltered",
    "resting": "excluded",
    "force": "activation",
    "scribe": "hit writer",
    "happening": "past event",
    "happenings": "event source",
    "upto": "as-of filter",
    "whys": "fact explanations",
    "turning": "state changes",
    "pretend": "dry dispatch",
    "dossier": "data export, queries",
    "kept": "statement cache, mail store, or the verb's object",
    "trail": "link tracking",
    "sealed": "check cache",
    "tell": "say what is recorded or returned",
    "told": "likewise",
    "said": "likewise",
    "note": "add, record, enqueue",
    "mine": "is selected, own rows",
    "late": "deferred value, overdue",
    "late_of": "deferred for",
    "house": "company mailbox",
    "turn": "say the unit: emails per turn, dispatch turn",
    "shelf": "statement cache",
    "keeper": "recording transport",
    "portrait": "client fields",
    "workshop": "compose rules",
    "peeks": "head requests",
    "lately": "recent",
    "bring": "import",
    "tidy": "normalize",
    "spoken": "localized",
    "speaking": "localized",
    "wishes": "preferences, requests",
    "happened": "past events, or the event's name",
    "rehearse": "dry run",
    "machine": "runtime",
    "withhold": "hold or skip unassigned",
    "patience": "maximum lateness",
    "culprits": "failing parts",
    "gathered": "join survey answers",
    "vanished": "lost tags",
    "missed": "unguarded addresses",
    "brought_along": "added addresses",
    "sane": "checked number",
    "glue": "pattern",
    "become": "replace process",
    "look_after": "test idle connections",
    "put_away": "release",
    "go_round": "count rounds",
    "noting": "recording",
    "feasts": "calendar days",
    "coming": "upcoming query",
    "nowhere": "no promise",
    "woken": "maximum of workers woken",
    "ourselves": "run regulars",
    "looked_at": "sample",
    "most_told": "maximum logged",
    "empties": "empty elements",
    "in_person": "manager as sender",
}
GONE_VARIABLES = (
    "mine", "said", "told", "workshop", "house_box", "trail", "portrait", "keeper", "turning", "resting", "lately",
    "spoken", "asleep", "barred",
)  # fmt: skip
"""Parameters and variables that had one of these names are called for what they hold."""
GONE_IN_DELIVERY = {"letter": "envelope"}
"""`render.mime.Letter` is a message before it is bytes; what SMTP knows of one is an envelope."""
STAY = {
    ("regulars.rules.model", "late"): "a key of the rule file, published",
    ("regulars.rules.policy", "late"): "likewise",
    ("regulars.db.states", "LATE"): "a reason in reports, published",
    ("regulars.render.marks", "kept"): "the texts that marks stand for",
    ("regulars.responses.click_grading", "MACHINE"): "a grade of hits, published",
    ("regulars.insights.link_responses", "machine"): "likewise",
}
"""Names of GONE that stay in one module, and why."""
SQL_ROOMS = ("context", "triggers", "eligibility", "planner", "dispatch", "coupons", "preview", "simulation", "explain")
"""Rooms in which `where` is a method of SQLAlchemy's, and no variable of ours."""
WITHOUT_SQL = ("regulars.preview.lint.",)
"""Modules in them that build no SQL; `where` is a key of what `regulars lint --json` prints."""


def definitions(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of every class and function, of module-level and class-level variables."""
    tree = ast.parse(source)
    bodies = [tree.body]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        if isinstance(node, ast.ClassDef):
            bodies.append(node.body)
    for statement in (statement for body in bodies for statement in body):
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets if isinstance(statement, ast.Assign | ast.AnnAssign) else ():
            for name in ast.walk(target) if target is not None else ():
                if isinstance(name, ast.Name):
                    yield statement.lineno, name.id


def words_gone(source: str, module: str = "") -> list[str]:
    """The definitions whose whole name, leading underscores and case apart, is one of the old ones."""
    old = {**GONE, **(GONE_IN_DELIVERY if module.startswith("regulars.delivery") else {})}
    return [
        f"line {line}: {name}"
        for line, name in definitions(source)
        if name.strip("_").lower() in old and (module, name) not in STAY
    ]


def variables(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of every parameter and every name that is assigned to."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def test_no_name_is_one_of_the_old_ones() -> None:
    found = {name: words_gone(source, name) for name, source in MODULES.items()}
    assert {name: old for name, old in found.items() if old} == {}
    parts = {name: [part for part in name.split(".") if part.strip("_") in GONE] for name in MODULES}
    assert {name: old for name, old in parts.items() if old} == {}


def test_no_variable_has_one_of_the_old_names() -> None:
    found = {
        name: [f"line {line}: {variable}" for line, variable in variables(source) if variable in GONE_VARIABLES]
        for name, source in MODULES.items()
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_every_old_name_that_stays_is_there() -> None:
    assert [key for key in STAY if key[1] not in {name for _, name in definitions(MODULES[key[0]])}] == []


def test_where_is_a_word_of_sql() -> None:
    found = {
        name: [f"line {line}" for line, variable in variables(source) if variable == "where"]
        for name, source in MODULES.items()
        if name.split(".")[1:2] and name.split(".")[1] in SQL_ROOMS and not name.startswith(WITHOUT_SQL)
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    ["class Ground: ...", "def glance(): ...", "async def _tell(): ...", "TURN = 5", "class C:\n    scribe: int",
     "lives, x = 1, 2", "def f():\n    def note(): ..."],
)  # fmt: skip
def test_an_old_name_is_found(source: str) -> None:
    assert len(words_gone(source)) == 1


def test_a_longer_name_with_such_a_word_is_none() -> None:
    assert words_gone("EMAILS_PER_TURN = 5\ndef keep_note(note): ...\nclass LateEvent: ...") == []
    assert words_gone("class Letter: ...", "regulars.render.mime") == []
    assert len(words_gone("class Letter: ...", "regulars.delivery.smtp.envelope")) == 1
    assert [name for _, name in variables("def f(where, *rest):\n    a = 1")] == ["where", "rest", "a"]


# ---------------------------------------------------------------- the glossary


def test_the_glossary_explains_every_metaphor_that_is_kept() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    glossary = page.partition("## Glossary")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\*\*.+?\*\*) \|", glossary, re.MULTILINE)
    terms = [term for row in rows for term in re.findall(r"\*\*(.+?)\*\*", row)]
    kept = ["ledger", "promise", "occurrence", "claim", "lane", "parcel", "courier", "recall", "uncertain"]
    assert [word for word in kept if word not in terms] == []
    assert sorted(set(terms) & set(GONE)) == []
