"""Fixtures of the render room: a desk to write small emails at, and the emails the starter really has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from regulars.render.compile import CompiledEmail, Templates
from regulars.render.message import Rendered, render

STARTER = Path(__file__).parents[2] / "templates" / "emails"
FRAME = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"


class Desk:
    """A folder of emails in the making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        """A file of the folder, by its path inside it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def email(self, inner: str, email: str = "letter", locale: str = "en", **words: str) -> None:
        """An email with one column that holds `inner`."""
        self.write(f"{email}/body.mjml", FRAME.format(inner))
        self.words(email, locale, **{"subject": "Hello", **words})

    def words(self, email: str, locale: str, **words: str) -> None:
        """The words of an email in one language."""
        self.write(f"{email}/words/{locale}.yaml", yaml.safe_dump(words, allow_unicode=True, sort_keys=False))

    def templates(self, company_locale: str = "en") -> Templates:
        """What is on the desk now."""
        return Templates([self.folder], company_locale)

    def compiled(self, email: str = "letter", locale: str = "en") -> CompiledEmail:
        """An email of the desk, compiled."""
        return self.templates().compiled(email, locale)

    def render(self, email: str = "letter", locale: str = "en", **context: Any) -> Rendered:
        """An email of the desk, filled in."""
        return render(self.compiled(email, locale), context)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty desk."""
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def starter() -> Templates:
    """The emails of the starter."""
    return Templates([STARTER], "en")
