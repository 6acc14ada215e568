"""Caches which emails and workspaces are valid, so that only changed ones are compiled by checks.

A key is a hash of everything a check depends on: the texts, how campaigns use the email, and this program. Keys are
stored in memory, in the workspace's `var/`, and in the user's cache folder (`$XDG_CACHE_HOME/regulars`, by default
`~/.cache/regulars`), which serves new workspaces. Any of the files can be deleted; where none can be written, each
process checks once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import regulars
from regulars.core import extras
from regulars.core.email_names import email_folder, split_words
from regulars.core.paths import inside
from regulars.render.email_check import Usage
from regulars.render.template_files import BASE

_KNOWN: set[str] = set()
_MOST = 5000
"""Keys in memory and in each file; the oldest are dropped."""
_CHECKED_BY = ("audience", "core", "render", "rules", "triggers", "workspace")
"""The rooms whose code decides what is valid."""
_LIBRARIES = ("babel", "jinja2", "mrml", "pyyaml")


def workspace_key(rules: Mapping[str, str], folders: Iterable[Path]) -> str:
    """The key of these rule texts and of all files in the folders of emails."""
    found = _hash()
    for path, text in sorted(rules.items()):
        _add(found, Path(path).name, text.encode())
    for folder in folders:
        _add_files(found, folder, folder)
    return found.hexdigest()


def email_keys(
    folders: Sequence[Path], usages: Mapping[str, Sequence[Usage]], company_locale: str, own_hosts: Iterable[str]
) -> dict[str, str]:
    """By email, the key of its files, of the parts that emails share, and of the variables campaigns give it."""
    shared = _hash()
    _add(shared, company_locale, " ".join(sorted(own_hosts)).encode())
    for folder in folders:
        _add_files(shared, folder, folder / BASE)
    keys = {}
    for email, uses in usages.items():
        found = shared.copy()
        _add(found, "words", (split_words(email)[1] or "").encode())
        for folder in folders:
            _add_files(found, folder, folder / email_folder(email))
        for variables in sorted(map(_variables, uses)):
            _add(found, "usage", variables.encode())
        keys[email] = found.hexdigest()
    return keys


def known(root: Path) -> frozenset[str]:
    """The keys of what was found sound before, in this workspace or by this user."""
    return frozenset(_KNOWN).union(*map(_written, _places(root)))


def add(root: Path, keys: Iterable[str]) -> None:
    """Remembers that what has these keys is sound."""
    fresh = list(dict.fromkeys(keys))
    if len(_KNOWN) + len(fresh) > _MOST:  # only a program that runs for months sees so many changes
        _KNOWN.clear()
    _KNOWN.update(fresh)
    for path in _places(root):
        written = _written(path)
        if not written.keys() >= set(fresh):
            with contextlib.suppress(OSError):
                _write(path, [*written, *(key for key in fresh if key not in written)][-_MOST:])


def _variables(usage: Usage) -> str:
    declared = None if usage.event_fields is None else sorted(usage.event_fields)
    given = (usage.event, declared, usage.product, usage.holiday, usage.has_coupon, usage.marketing)
    return repr((sorted(usage.customer_fields), *given))


def _hash() -> hashlib.blake2b:
    learns = extras.is_installed("learn")  # without it there are more warnings
    return hashlib.blake2b(f"{_program()}\n{learns}".encode(), digest_size=16)


@lru_cache(maxsize=1)
def _program() -> str:
    """This version, its files as they are (they change while it is developed), and the libraries it relies on."""
    package = Path(regulars.__file__).parent
    files = sorted(path for room in _CHECKED_BY for path in (package / room).glob("*.py"))
    states = [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return "\n".join([regulars.__version__, *(version(name) for name in _LIBRARIES), *states])


def _add_files(found: hashlib.blake2b, folder: Path, start: Path) -> None:
    for file in sorted(start.rglob("*")):
        if file.is_file():
            name = file.relative_to(folder).as_posix()
            _add(found, name if inside(file, folder) else f"{name} outside", file.read_bytes())


def _add(found: hashlib.blake2b, name: str, content: bytes) -> None:
    found.update(f"{len(name)} {name} {len(content)} ".encode(errors="surrogateescape"))
    found.update(content)


def _places(root: Path) -> Iterator[Path]:
    """The files of keys: the workspace's, where it has a `var/`, and the user's."""
    if (root / "var").is_dir():
        yield root / "var" / "sound"
    given = os.environ.get("XDG_CACHE_HOME", "")
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield (Path(given) if Path(given).is_absolute() else Path.home() / ".cache") / "regulars" / "sound"


def _written(path: Path) -> dict[str, None]:
    """The keys in a file, the oldest first."""
    try:
        return dict.fromkeys(path.read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError):
        return {}


def _write(path: Path, keys: Iterable[str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text("".join(f"{key}\n" for key in keys), encoding="ascii")
    fresh.replace(path)
