"""The text part, derived from the finished HTML while the Jinja tags are still marks in it.

Both parts come from one tree, so their words agree. Hidden elements (preheader, conditionals for Outlook) are left
out. Lines are not wrapped: mail programs do that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from lxml import etree, html

from regulars.render.link_guard import unguarded
from regulars.render.marks import MARK, Woven

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "footer",
        "header",
        "main",
        "ol",
        "section",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "td",
        "tr",
        "ul",
    ]
)
_SPACED = frozenset(["h1", "h2", "h3", "h4", "h5", "h6", "p"])
_IGNORED = frozenset(["head", "script", "style", "title", "noscript", "template", "svg"])
_HIDDEN = re.compile(r"display:\s*none|mso-hide:\s*all", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_OUTLOOK = re.compile(r"<!--\[if [^\]<]*+\]>(?!<!--\s*+-->|<!-->)")
_OUTLOOK_END = "<![endif]-->"
_STATEMENT = re.compile(r"<!--\s*zqj\d+jqz\s*-->")
_NUMBER_SIGNS = re.compile(r"[\s().\-\u2010-\u2015/{}]+")
_REPLACED = re.compile(r"""\|\s*+replace\((?:' '|" "),\s*+(?:''|"")\)""")
"""A filter that removes the blanks of a number."""
_LONE = re.compile(r"^:(?:[ \t]++(?=https?://)|[ \t\r]*+$)", re.MULTILINE)
"""A colon without a label before it."""
_BRACE = re.compile(r"\{(?=[{%#])")


@dataclass
class _Branch:
    """An open `{% if %}` or `{% for %}`: the number of line breaks before it and at the end of each branch so far."""

    loop: bool
    start: int
    place: int
    ends: list[int] = field(default_factory=list)
    otherwise: bool = False
    begun: bool = False
    asked: bool = False


@dataclass
class _Writer:
    """Writes text and counts line breaks along every branch, so that a condition leaves no gap and joins no lines."""

    woven: Woven
    parts: list[str] = field(default_factory=list)
    wanted: int = 0
    standing: int = 2
    sticky: bool = False
    after_url: bool = False
    branches: list[_Branch] = field(default_factory=list)

    def text(self, text: str) -> None:
        """Running text; white space collapses."""
        text = _SPACE.sub(" ", text)
        if self.wanted or self.standing or self.sticky:
            text = text.lstrip(" ")
        if not text:
            return
        if self.after_url and text[0].isalnum():
            self.wanted = max(self.wanted, 1)  # the next word must not become part of the address
        self._break()
        self.parts.append(text)
        self.standing, self.sticky, self.after_url = 0, False, False
        for branch in self.branches:
            branch.begun = True

    def line(self, count: int = 1) -> None:
        """The next text begins a new line, or a new paragraph with 2; not right after a bullet."""
        if self.sticky:
            return
        self.wanted = max(self.wanted, count)
        for branch in self.branches:
            branch.asked = branch.asked or not branch.begun

    def tag(self, number: int) -> None:
        """A block tag such as `{% if %}`: adds no text, but a loop's body ends with its address."""
        if self.after_url and any(branch.loop for branch in self.branches):
            self.wanted = max(self.wanted, 1)
        self._break()
        statement = self.woven.statements.get(number, "")
        if statement in ("else", "elif") and self.branches:
            self._switch_branch(self.branches[-1], statement)
        elif statement in ("endif", "endfor") and self.branches:
            self._close(self.branches.pop())
        self.parts.append(f"zqj{number}jqz")
        if statement in ("if", "for"):
            self.branches.append(_Branch(statement == "for", self.standing, len(self.parts)))
            self.standing = min(self.standing, 1) if statement == "for" else self.standing

    def _break(self) -> None:
        if self.wanted > self.standing:
            self.parts.append("\n" * (self.wanted - self.standing))
            self.standing = self.wanted
        self.wanted = 0

    def _switch_branch(self, branch: _Branch, statement: str) -> None:
        self._round(branch)
        branch.ends.append(self.standing)
        branch.otherwise = branch.otherwise or statement == "else"
        branch.loop = False
        self.standing = branch.start

    def _close(self, branch: _Branch) -> None:
        self._round(branch)
        skipped = [] if branch.otherwise else [branch.start]
        self.standing = min([self.standing, *branch.ends, *skipped])

    def _round(self, branch: _Branch) -> None:
        """A loop whose body begins with a block and ends in running text needs a break before each round."""
        if branch.loop and branch.asked and not self.standing:
            self.parts.insert(branch.place, "\n")


def derive(content: str, woven: Woven) -> str:
    """Jinja source of the text part of an HTML document with marks."""
    writer = _Writer(woven)
    # A statement between two sections is inside a conditional for Outlook; it applies to the text, too.
    content = _without_outlook(content)
    root = html.document_fromstring(content.encode(), parser=html.HTMLParser(encoding="utf-8"))
    body = root.find("body")
    _walk(body if body is not None else root, writer)
    text = "".join(writer.parts)
    out, at = [], 0
    for found in MARK.finditer(text):
        out.append(_literal(text[at : found.start()]))
        out.append(_plain(woven, int(found["word"])))
        at = found.end()
    out.append(_literal(text[at:]))
    return "".join(out).strip() + "\n"


def _without_outlook(content: str) -> str:
    """HTML without Outlook's conditionals, except for the statements in them."""
    out: list[str] = []
    at = 0
    while found := _OUTLOOK.search(content, at):
        end = content.find(_OUTLOOK_END, found.end())
        if end < 0:
            break
        out += (content[at : found.start()], *_STATEMENT.findall(content, found.start(), end))
        at = end + len(_OUTLOOK_END)
    return "".join([*out, content[at:]])


def normalized(text: str) -> str:
    """A rendered text without stray blanks: at most one empty line at a time, none at the ends.

    An empty label leaves no colon before its address.
    """
    if "\n:" in text or text.startswith(":"):
        text = _LONE.sub("", text)
    lines: list[str] = [""]
    for line in text.split("\n"):
        whole = line.rstrip(" \t\r")
        if whole or lines[-1]:
            lines.append(whole)
    return "\n".join(lines).strip() + "\n"


def join_survey_answers(text: str, page: str) -> str:
    """The answers of a survey that follow each other as one line: `yes | partly | no: PAGE`.

    In HTML each is a button that opens the page with that answer preselected; in text the address would be repeated,
    and the page asks anyway.
    """
    mark = f": {page}?"
    if text.count(mark) < 2:
        return text
    lines: list[str] = []
    answers: list[str] = []
    for line in [*text.split("\n"), "\n"]:
        answer, found, _ = line.partition(mark)
        if found:
            answers.append(answer)
        elif not answers or not line:
            lines.append(line)
        else:
            gap = len(lines)
            while gap and not lines[gap - 1]:
                gap -= 1
            lines[gap:] = ["", f"{' | '.join(answers)}: {page}", "", line]
            answers.clear()
    return normalized("\n".join(lines))


def _plain(woven: Woven, number: int) -> str:
    kept = woven.kept[number]
    return kept if kept.startswith("{") else _literal(unescape(kept))


def _literal(text: str) -> str:
    """Escapes braces that are not a Jinja tag here, so that they do not become one in the text's source."""
    return _BRACE.sub("{{ '{' }}", text)


def _walk(node: html.HtmlElement, writer: _Writer) -> None:
    if node.tag is etree.Comment:
        found = MARK.fullmatch((node.text or "").strip())
        if found:
            writer.tag(int(found["word"]))
    elif isinstance(node.tag, str) and node.tag not in _IGNORED and not _HIDDEN.search(node.get("style") or ""):
        _element(node, writer)
    if node.tail:
        writer.text(node.tail)


def _inside(node: html.HtmlElement, writer: _Writer) -> None:
    if node.text:
        writer.text(node.text)
    for child in node:
        _walk(child, writer)


def _element(node: html.HtmlElement, writer: _Writer) -> None:
    name = node.tag
    if name == "br":
        _break(node, writer)
    elif name == "img":
        writer.text(node.get("alt") or "")
    elif name == "a":
        _link(node, writer)
    elif name == "li":
        writer.line()
        writer.text("- ")
        writer.sticky = True
        _inside(node, writer)
        writer.sticky = False
        writer.line()
    elif name == "tr" and _is_data(node):
        _row(node, writer)
    elif name in _SPACED or name in _BLOCKS:
        gap = 2 if name in _SPACED or name in ("table", "ul", "ol") or (name == "td" and not _is_data(node)) else 1
        writer.line(gap)
        _inside(node, writer)
        writer.line(gap)
    else:
        _inside(node, writer)


def _break(node: html.HtmlElement, writer: _Writer) -> None:
    before = node.getprevious()
    doubled = before is not None and before.tag == "br" and not (before.tail or "").strip()
    writer.line(2 if doubled else 1)


def _link(node: html.HtmlElement, writer: _Writer) -> None:
    """`label: url`; a sentence continues after the address. An address or number equal to the label appears once."""
    _inside(node, writer)
    url = (node.get("href") or "").strip()
    label = _restored(node.text_content(), writer)
    scheme = next((each for each in ("mailto:", "tel:") if url.startswith(each)), "")
    if scheme:
        url = url.removeprefix(scheme).split("?")[0]
    if not url or url.startswith("#") or _same(label, _restored(url, writer), scheme):
        return
    url = url if scheme else url.replace(" ", "%20")  # an address ends at a blank
    labelled = label or any((image.get("alt") or "").strip() for image in node.iter("img"))
    writer.text(f": {url}" if labelled else url)
    writer.after_url = True


def _restored(text: str, writer: _Writer) -> str:
    return unguarded(writer.woven.restore(_SPACE.sub(" ", text).strip()))


def _same(label: str, address: str, scheme: str) -> bool:
    """Whether the label equals the address; numbers may have blanks, brackets and dashes."""
    if scheme == "tel:":
        return _number(label) == _number(address)
    return label == address


def _number(text: str) -> str:
    return _NUMBER_SIGNS.sub("", _REPLACED.sub("", text))


def _is_data(node: html.HtmlElement) -> bool:
    """Whether a row or cell belongs to a table of data and not of layout."""
    table = next(node.iterancestors("table"), None)
    if table is None or table.get("role") == "presentation":
        return False
    return node.find(".//table") is None


def _row(row: html.HtmlElement, writer: _Writer) -> None:
    """A row on one line: two cells as `name: value`, more with bars between."""
    cells = [c for c in row if c.tag in ("td", "th")]
    writer.line()
    for child in row:
        if child.tag not in ("td", "th"):
            _walk(child, writer)
            continue
        position = cells.index(child)
        if position:
            last = _SPACE.sub(" ", cells[position - 1].text_content()).rstrip()
            writer.wanted = 0
            joint = " | " if len(cells) != 2 else " " if last.endswith((":", "?", ".")) or not last else ": "
            writer.text(joint)
            writer.sticky = True
        _inside(child, writer)
    writer.sticky = False
    writer.line()
