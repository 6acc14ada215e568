"""The starter, and the content of a new workspace: all of it, or the campaigns of one kind of business.

A kind is a folder under `starters/` with its selection of campaigns, its replacements of words, its own rule files,
and products. Emails and the rest come from the one starter, so nothing is stored twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import regulars
from regulars.core.diagnostics import nearest
from regulars.core.errors import NotFound
from regulars.rules.loader import load

ROOMS = ("campaigns", "templates")
_ALWAYS = ("company", "surveys")
"""Rule files of every new workspace."""


def starter() -> Path:
    """The folder with the `campaigns/` and `templates/` that a new workspace begins with."""
    package = Path(regulars.__file__).resolve().parent
    installed = package / "starter"
    return installed if installed.is_dir() else package.parents[1]


def kinds() -> dict[str, str]:
    """The kinds of business with a starter, each with a line about it."""
    folders = sorted(path.parent for path in (starter() / "starters").glob("*/starter.yaml"))
    return {folder.name: Kind.of(folder.name).about for folder in folders}


@dataclass(frozen=True)
class Kind:
    """`replace` maps words of rule files and samples to those of this business, the longest first."""

    folder: Path
    about: str
    campaigns: tuple[str, ...]
    replace: Mapping[str, str]

    @classmethod
    def of(cls, name: str) -> Kind:
        """The kind of that name; raises NotFound."""
        folder = starter() / "starters" / name
        if not (folder / "starter.yaml").is_file():
            raise NotFound("starter", name, nearest(name, kinds()))
        given: dict[str, Any] = yaml.safe_load((folder / "starter.yaml").read_text("utf-8"))
        return cls(folder, given["about"], tuple(given["campaigns"]), given["replace"])

    def rules(self) -> Iterator[tuple[str, str]]:
        """Every rule file by name, as it is written into the workspace."""
        for name in (*_ALWAYS, *self.campaigns):
            own = self.folder / "campaigns" / f"{name}.yaml"
            if own.is_file():
                yield own.name, own.read_text("utf-8")
            else:
                yield own.name, self.reworded((starter() / "campaigns" / own.name).read_text("utf-8"))

    def reworded(self, text: str) -> str:
        """The text with the words of this business."""
        for old in sorted(self.replace, key=len, reverse=True):
            text = text.replace(old, self.replace[old])
        return text

    def words(self, language: str) -> Mapping[str, Mapping[str, str]]:
        """By email the words of this business that replace the starter's."""
        path = self.folder / "words" / f"{language}.yaml"
        return yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}


def make(folder: Path, kind: str | None = None) -> None:
    """Writes the starter, or the one for a kind of business, into the folder; raises NotFound for an unknown kind."""
    if kind is None:
        for room in ROOMS:
            shutil.copytree(starter() / room, folder / room, ignore=shutil.ignore_patterns("README.md", "__pycache__"))
        return
    found = Kind.of(kind)
    (folder / "campaigns").mkdir(parents=True)
    for name, text in found.rules():
        (folder / "campaigns" / name).write_text(text, "utf-8")
    emails, source = folder / "templates" / "emails", starter() / "templates" / "emails"
    for email in ("_base", *sorted(_sent(folder))):
        shutil.copytree(source / email, emails / email, ignore=shutil.ignore_patterns("README.md"))
        _rewrite(found, emails / email)
    for path in sorted(found.folder.glob("*.csv")):
        shutil.copyfile(path, folder / path.name)


def _sent(folder: Path) -> set[str]:
    """The emails that the workspace's campaigns send."""
    loaded = load(folder / "campaigns")
    campaigns = loaded.draft.campaigns.values() if loaded.draft else ()
    return set[str]().union(*(campaign.email_folders for campaign in campaigns))


def _rewrite(kind: Kind, email: Path) -> None:
    sample = email / "sample.yaml"
    if sample.is_file():
        sample.write_text(kind.reworded(sample.read_text("utf-8")), "utf-8")
    for path in sorted(email.glob("words/*.yaml")):
        own = kind.words(path.stem).get(email.name)
        if own:
            path.write_text(overlaid(path.read_text("utf-8"), own), "utf-8")


def overlaid(text: str, own: Mapping[str, str]) -> str:
    """A words file with some words replaced; the others stay as they are written."""
    node = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)
    rest = dict(own)
    for key, value in reversed(node.value):
        if key.value in rest:
            line = _line(key.value, rest.pop(key.value))
            text = text[: key.start_mark.index] + line + text[value.end_mark.index :]
    return text.rstrip("\n") + "\n" + "".join(f"{_line(name, words)}\n" for name, words in rest.items())


def _line(name: str, words: str) -> str:
    return yaml.safe_dump({name: words}, allow_unicode=True, width=100_000).rstrip("\n")
