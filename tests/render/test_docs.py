"""docs/templates.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from regulars.render.compile import Templates
from regulars.render.email_check import FIELDS, NAMES, PRODUCT
from regulars.render.environment import HTML, STATEMENTS
from regulars.render.filters import FUNCTIONS
from regulars.render.message import render
from tests.render.conftest import STARTER, Desk

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text("utf-8")
PROSE = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
CODE = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", PROSE))))


def test_every_name_field_filter_and_statement_is_on_the_page() -> None:
    compilers_own = {"web_address", "followed", "d"}
    known = {
        *NAMES,
        *PRODUCT,
        *FUNCTIONS,
        *HTML.filters,
        *(f for fields in FIELDS.values() for f in fields),
    } - compilers_own
    assert known - CODE == set()
    assert {s for s in STATEMENTS if not s.startswith(("end", "el"))} - CODE == set()


def test_the_example_of_a_body_compiles(desk: Desk) -> None:
    [body] = re.findall(r"```html\n(.*?)```", PAGE, re.DOTALL)
    [words] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    desk.write("letter/body.mjml", body)
    desk.write("letter/words/en.yaml", words + "button: Book\n")
    templates = Templates([desk.folder, STARTER], "en")
    sample = templates.sample("letter")
    event = {**sample["event"], "agreements": [{"what": "Send the price list"}]}
    rendered = render(templates.compiled("letter", "en"), {**sample, "event": event})
    assert "Send the price list" in rendered.text
    assert rendered.subject == "Maria, your 50% are waiting"


def test_the_starter_uses_only_classes_that_exist() -> None:
    head = (STARTER / "_base" / "head.mjml").read_text("utf-8")
    defined = set(re.findall(r'<mj-class name="([\w-]+)"', head))
    for path in STARTER.rglob("*.mjml"):
        used = {c for classes in re.findall(r'mj-class="([^"]+)"', path.read_text("utf-8")) for c in classes.split()}
        assert used <= defined, path
