"""The files of an email: from the workspace's folder first, then the starter's, file by file.

A workspace may change only the words of a starter email. Once it has its own `body.mjml` for an email, nothing of that
email comes from later folders, so that old words are never combined with a new body. `_base/` is always looked up
file by file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from regulars.core.diagnostics import Diagnostic, Span, nearest
from regulars.core.email_names import email_folder, split_words
from regulars.core.errors import Invalid, NotFound
from regulars.core.paths import inside
from regulars.render.email_words import Word, read
from regulars.render.template_pieces import Origin, Piece, cut

BASE = "_base"
_DEEPEST = 8
MAX_BYTES = 500_000
"""Size of one file of an email."""
MAX_WORDS_DEEP = 30
"""Maximum nesting of words."""
MAX_PIECES = 20_000
"""Maximum number of pieces of an expanded email, and of expansions of words and includes."""
_INCLUDE = re.compile(
    r"""<mj-include\s++path=(?P<quote>["'])(?P<path>[^"']*+)(?P=quote)\s*+(?:/>|>\s*+</mj-include>)"""
)


@dataclass(frozen=True, slots=True)
class File:
    """A file: its path as shown to people, and its text."""

    path: str
    text: str


@dataclass
class Library:
    """The emails in some folders. Files are read once and cached; create a new object to see changes."""

    folders: Sequence[Path]
    files: dict[Path, File] = field(default_factory=dict)
    _words_read: dict[str, dict[str, Word]] = field(default_factory=dict, repr=False)

    def names(self) -> list[str]:
        """The names of the emails."""
        found = {p.parent.name for f in self.folders for p in f.glob("*/body.mjml")}
        return sorted(n for n in found if not n.startswith(("_", ".")))

    def body(self, email: str) -> File:
        """The MJML of an email; raises NotFound."""
        name = email_folder(email)
        found = self.find(name, "body.mjml") if _plain(name) else None
        if found is None:
            raise NotFound("email", name, nearest(name, self.names()))
        return found

    def find(self, email: str, name: str) -> File | None:
        """A file of an email, or None."""
        email = email_folder(email)
        for folder in self._folders(email):
            path = folder / email / name
            if path.is_file():
                return self._read(path)
        return None

    def include(self, name: str) -> File | None:
        """A shared part such as `_base/footer.mjml`, or None."""
        parts = name.split("/")
        if not all(_plain(p) for p in parts):
            return None
        return self.find(parts[0], "/".join(parts[1:])) if parts[0] == BASE and len(parts) > 1 else None

    def languages(self, email: str) -> dict[str, File]:
        """The words files of an email by locale, as written in their names."""
        return {locale: file for (locale, words), file in self._words_files(email).items() if words is None}

    def other_words(self, email: str) -> dict[str, dict[str, File]]:
        """The files of other words of an email, `words/LOCALE.NAME.yaml`: by name and locale."""
        found: dict[str, dict[str, File]] = {}
        for (locale, words), file in self._words_files(email).items():
            if words is not None:
                found.setdefault(words, {})[locale] = file
        return found

    def words_files(self, email: str, locale: str) -> list[File]:
        """The email's own words in a language, and after them the other words that its name says."""
        folder, other = split_words(email)
        files, names = self._words_files(folder), (None, other) if other else (None,)
        return [files[locale, name] for name in names if (locale, name) in files]

    def words(self, email: str, locale: str, fallback: str) -> dict[str, Word]:
        """The words of an email in exactly this language, merged over those that all emails share."""
        shared = self.languages(BASE)
        base = match(locale, shared) or match(fallback, shared) or match("en", shared)
        found = self._words(shared[base]) if base else {}
        for file in self.words_files(email, locale):
            found = {**found, **self._words(file)}
        return found

    def sources(self) -> dict[str, str]:
        """Every text read so far by its path, for printing diagnostics."""
        return {f.path: f.text for f in self.files.values()}

    def _words_files(self, email: str) -> dict[tuple[str, str | None], File]:
        """Every words file of an email by locale and name of other words."""
        folder_name = email_folder(email)
        found: dict[tuple[str, str | None], File] = {}
        for folder in self._folders(folder_name):
            for path in sorted((folder / folder_name / "words").glob("*.yaml")):
                locale, words = split_words(path.stem)
                found.setdefault((locale.replace("_", "-"), words), self._read(path))
        return found

    def _words(self, file: File) -> dict[str, Word]:
        if file.path not in self._words_read:
            self._words_read[file.path] = read(file.text, file.path)
        return self._words_read[file.path]

    def _folders(self, email: str) -> Sequence[Path]:
        if email == BASE:
            return self.folders
        for index, folder in enumerate(self.folders):
            if (folder / email / "body.mjml").is_file():
                return self.folders[: index + 1]
        return self.folders

    def _read(self, path: Path) -> File:
        if path not in self.files:
            self.files[path] = File(shown(path), self._text(path))
        return self.files[path]

    def _text(self, path: Path) -> str:
        """The text of a file inside the folders. Raises Invalid."""
        message = None
        if not any(inside(path, folder) for folder in self.folders):
            message = "this is a link to a file outside the emails' folder, and is not read"
        elif path.stat().st_size > MAX_BYTES:
            message = f"this file is larger than {MAX_BYTES // 1000} kB"
        if message is None:
            try:
                return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
            except UnicodeDecodeError:
                message = "this file is not UTF-8 text"
            except OSError as error:
                message = f"this file cannot be read: {error.strerror or error}"
        raise Invalid([Diagnostic("T015", message, Span(shown(path), 1, 1))])


def shown(path: Path) -> str:
    """A path for people: relative if below the current folder. Links are not resolved."""
    whole = path.parent.resolve() / path.name
    try:
        return whole.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def match(locale: str | None, available: Mapping[str, object] | Sequence[str]) -> str | None:
    """The best available locale: the same, else the same language; None if neither exists."""
    if not locale:
        return None
    by_key = {name.lower().replace("_", "-"): name for name in available}
    wanted = locale.lower().replace("_", "-")
    return by_key.get(wanted) or by_key.get(wanted.split("-")[0])


def _plain(name: str) -> bool:
    return bool(name) and not name.startswith(".") and "/" not in name and "\\" not in name and "\0" not in name


def expand(library: Library, file: File, words: Mapping[str, Word], faults: list[Diagnostic]) -> list[Piece]:
    """The pieces of a file with includes and words expanded. Missing ones are added to `faults`."""
    return put_words(_with_includes(library, file, faults, (), _Room()), words, faults)


def included(library: Library, file: File) -> list[File]:
    """The parts that a file includes, directly or through others, each once."""
    found: dict[str, File] = {}
    waiting = [file]
    while waiting:
        for include in _INCLUDE.finditer(waiting.pop().text):
            part = library.include(include["path"])
            if part is not None and part.path not in found:
                found[part.path] = part
                waiting.append(part)
    return list(found.values())


def put_words(pieces: Iterable[Piece], words: Mapping[str, Word], faults: list[Diagnostic]) -> list[Piece]:
    """The pieces with every `{{ t.word }}` replaced by the word's pieces."""
    return list(_with_words(pieces, words, faults, (), _Room()))


@dataclass
class _Room:
    """The remaining number of pieces of an email: nested words and includes multiply."""

    left: int = MAX_PIECES

    def take(self, code: str, name: str, span: Span, faults: list[Diagnostic]) -> bool:
        """Whether one more is allowed; the first refusal adds a fault."""
        self.left -= 1
        if self.left == -1:
            message = f"too much: with `{name}` the email has more than {MAX_PIECES} pieces"
            faults.append(Diagnostic(code, message, span, hint="does it contain others that contain others twice?"))
        return self.left >= 0


def _with_includes(
    library: Library, file: File, faults: list[Diagnostic], above: tuple[str, ...], room: _Room
) -> Iterator[Piece]:
    at = 0
    whole = Origin(file.text, file.path)
    for found in _INCLUDE.finditer(file.text):
        yield from _cut_at(whole, at, found.start())
        at = found.end()
        part = library.include(found["path"])
        span = whole.span(found.start("path"), len(found["path"]))
        if part is None:
            faults.append(Diagnostic("T010", f"there is no `{found['path']}` to include", span))
        elif part.path in above or len(above) > _DEEPEST:
            faults.append(Diagnostic("T010", f"`{found['path']}` includes itself", span))
        elif room.take("T010", found["path"], span, faults):
            yield from _with_includes(library, part, faults, (*above, file.path), room)
    yield from _cut_at(whole, at, len(file.text))


def _cut_at(whole: Origin, start: int, end: int) -> Iterator[Piece]:
    first = whole.span(start)
    yield from cut(Origin(whole.text[start:end], whole.path, first.line, first.column))


def _with_words(
    pieces: Iterable[Piece],
    words: Mapping[str, Word],
    faults: list[Diagnostic],
    above: tuple[str, ...],
    room: _Room,
) -> Iterator[Piece]:
    for piece in pieces:
        name = piece.word_name
        if not room.take("T005" if above else "T010", above[-1] if above else "body.mjml", piece.span, faults):
            if not above:
                yield piece
            continue
        if name is None:
            yield piece
        elif name not in words:
            faults.append(_missing(piece, name, words))
        elif name in above or len(above) >= MAX_WORDS_DEEP:
            problem = "contains itself" if name in above else f"is more than {MAX_WORDS_DEEP} words deep"
            faults.append(Diagnostic("T005", f"the word `{name}` {problem}", piece.span))
        else:
            yield from _with_words(words[name].pieces(), words, faults, (*above, name), room)


def _missing(piece: Piece, name: str, words: Mapping[str, Word]) -> Diagnostic:
    close = nearest(name, words)
    hint = f"did you mean `{close}`?" if close else f"add `{name}:` to the words of every language"
    return Diagnostic("T005", f"there is no word `{name}`", piece.span, hint=hint)
