"""Two versions of a workspace compared part by part: campaigns, the other sections of rule files, and emails.

Rules are compared in their normal form, YAML without defaults and comments, so that another order of files, campaigns
or keys is no difference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from regulars.render.template_files import BASE
from regulars.rules.model import Campaign, Rulebook
from regulars.workspace.folder import Workspace

_APART = frozenset({"campaigns", "spans"})
"""Fields of a rulebook that are not compared as a section."""
_CONTEXT = 2
"""Lines around a change."""
MAX_LINES = 400
"""Maximum lines of one part's difference; the rest is counted."""


@dataclass(frozen=True, slots=True)
class PartChange:
    """One part that differs. `kind`: campaign, section, email; `what`: added, removed, changed, renamed."""

    kind: str
    name: str
    what: str
    lines: tuple[str, ...]
    """The difference of the texts, as `diff -u` prints it, without its two lines of headings."""
    was: str | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        found = {"kind": self.kind, "name": self.name, "what": self.what, "diff": list(self.lines)}
        return found if self.was is None else {**found, "was": self.was}


def changes(old: Workspace | None, new: Workspace) -> list[PartChange]:
    """The parts that differ; without an old version everything is added."""
    return [*_campaigns(old, new), *_sections(old, new), *_emails(old, new)]


def campaign_text(campaign: Campaign, rulebook: Rulebook) -> str:
    """The normal form of a campaign, with the days of the calendar that it is about."""
    written = campaign.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    written.pop("name", None)
    day = rulebook.calendar_day(campaign)
    return _yaml(written if day is None else {**written, "calendar": day.written})


def _campaigns(old: Workspace | None, new: Workspace) -> Iterator[PartChange]:
    before = {} if old is None else dict(old.rulebook.campaigns)
    names = {} if old is None else _former_names(old.rulebook, new.rulebook)
    for name, campaign in new.rulebook.campaigns.items():
        was = names.get(name, name)
        text = campaign_text(campaign, new.rulebook)
        if old is None or was not in before:
            yield PartChange("campaign", name, "added", _difference("", text))
            continue
        former = campaign_text(before.pop(was), old.rulebook)
        if was != name:
            yield PartChange("campaign", name, "renamed", _difference(former, text), was)
        elif former != text:
            yield PartChange("campaign", name, "changed", _difference(former, text))
    for name, campaign in before.items():
        assert old is not None
        yield PartChange("campaign", name, "removed", _difference(campaign_text(campaign, old.rulebook), ""))


def _former_names(old: Rulebook, new: Rulebook) -> dict[str, str]:
    """The former names of renamed campaigns, found as `planner.activation` finds them."""
    gone = {name: campaign for name, campaign in old.campaigns.items() if name not in new.campaigns}
    found: dict[str, str] = {}
    for name, campaign in new.campaigns.items():
        if name in old.campaigns:
            continue
        same = (was for was, other in gone.items() if old.digest(other) == new.digest(campaign))
        was = campaign.was if campaign.was in gone else None if campaign.was else next(same, None)
        if was is not None:
            found[name] = was
            del gone[was]
    return found


def _sections(old: Workspace | None, new: Workspace) -> Iterator[PartChange]:
    for section in dataclasses.fields(Rulebook):
        if section.name not in _APART:
            before = "" if old is None else _section(getattr(old.rulebook, section.name))
            after = _section(getattr(new.rulebook, section.name))
            if before != after:
                what = "added" if not before else "removed" if not after else "changed"
                yield PartChange("section", section.name, what, _difference(before, after))


def _section(value: Any) -> str:
    plain = _plain(value)
    return _yaml(plain) if plain else ""


def _plain(value: Any) -> Any:
    """JSON-ready data with only what was written."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in sorted(value.items(), key=lambda item: str(item[0]))}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, Enum):
        return value.value
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _emails(old: Workspace | None, new: Workspace) -> Iterator[PartChange]:
    before, after = (set() if old is None else _sent(old)), _sent(new)
    for name in sorted({BASE} | before | after):
        former = _files(old, name) if old is not None and name in before | {BASE} else {}
        files = _files(new, name) if name in after | {BASE} else {}
        if former != files and not (old is None and name == BASE):
            what = "added" if name in after - before - {BASE} else "removed" if name in before - after else "changed"
            yield PartChange("email", name, what, tuple(_file_lines(former, files)))


def _file_lines(former: Mapping[str, str], files: Mapping[str, str]) -> Iterator[str]:
    for path in sorted({*former, *files}):
        lines = _difference(former.get(path, ""), files.get(path, ""))
        if lines:
            yield f"{path}:"
            yield from lines


def _sent(workspace: Workspace) -> set[str]:
    return set[str]().union(*(campaign.email_folders for campaign in workspace.rulebook.campaigns.values()))


def _files(workspace: Workspace, email: str) -> dict[str, str]:
    """The texts of an email by path, looked up as `render.template_files.Library` does."""
    found: dict[str, str] = {}
    for folder in workspace.templates.folders:
        for path in sorted((folder / email).rglob("*")):
            if path.is_file() and path.name != "README.md":
                found.setdefault(path.relative_to(folder / email).as_posix(), _text(path))
        if email != BASE and (folder / email / "body.mjml").is_file():
            break
    return found


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "backslashreplace").replace("\r\n", "\n")


def _yaml(value: Any) -> str:
    """YAML as an author writes it: `on` is a key of rules, and no boolean in a rule file."""
    return yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=120).replace("'on':", "on:")


def _difference(old: str, new: str) -> tuple[str, ...]:
    lines = [line.rstrip("\n") for line in unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=_CONTEXT)][
        2:
    ]
    if len(lines) > MAX_LINES:
        return (*lines[:MAX_LINES], f"… and {len(lines) - MAX_LINES:,} lines more")
    return tuple(lines)
