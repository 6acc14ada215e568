"""The inbox as HTML pages to open from disk: a list of messages, and a page for each.

Messages are untrusted: their text is escaped, and their HTML is shown in a frame without scripts, forms and remote
resources (sandbox and Content-Security-Policy), so that viewing has no effects.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html import escape
from importlib.resources import files
from pathlib import Path

from lxml import etree

from regulars.core.paths import make_private
from regulars.delivery.inbox.mail_store import StoredMessage, stored

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; base-uri 'none'"
)
_HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)
_REMOTE = re.compile(r"<img[^>]+src\s*=\s*[\"']?\s*https?:|url\(\s*[\"']?https?:", re.IGNORECASE)
_FILLERS = re.compile("[\u00ad\u034f\u200b-\u200f\u2007\u2060\ufeff\\s\u00a0]+")
_SHOWN = ("From", "To", "Cc", "Reply-To", "Date", "Message-ID", "List-Unsubscribe")
_LONGEST_SOURCE = 400_000


@dataclass(frozen=True, slots=True)
class _View:
    """The data of one message for the pages; not escaped yet."""

    stored: StoredMessage
    headers: dict[str, str]
    subject: str
    html: str
    text: str
    preheader: str

    @property
    def page(self) -> str:
        return f"{self.stored.path.stem}.html"

    @property
    def time(self) -> str:
        """The Date header, short, in its own zone."""
        date = self.headers.get("Date", "")
        try:
            return f"{parsedate_to_datetime(date):%d %b %Y %H:%M}"
        except ValueError:
            return date


def write_index(folder: Path) -> Path:
    """Writes `index.html` and a page for each message beside the messages; returns the index."""
    make_private(folder)
    views = [_view(message) for message in stored(folder)]
    for view in views:
        _write(folder / view.page, _message_page(view))
    index = folder / "index.html"
    _write(index, _index_page(views))
    return index


def _write(path: Path, page: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(page, encoding="utf-8", errors="replace")
    part.replace(path)


# ---------------------------------------------------------------- reading a message


def _view(message: StoredMessage) -> _View:
    parsed = message.message
    headers = {name: value for name in _SHOWN if (value := _header(parsed, name))}
    html, text = _part(parsed, "html"), _part(parsed, "plain")
    for part in parsed.walk():
        name = str(part.get("Content-ID", "")).strip().strip("<>")
        if name and part.get_content_maintype() == "image":
            data = base64.b64encode(_payload(part)).decode()
            html = html.replace(f"cid:{name}", f"data:{part.get_content_type()};base64,{data}")
    return _View(message, headers, _header(parsed, "Subject") or "(no subject)", html, text, _preheader(html, text))


def _header(message: EmailMessage, name: str) -> str:
    """The header's words; a header that cannot be decoded is shown raw."""
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, LookupError, TypeError, AttributeError):
        raw = dict(message.raw_items()).get(name, "")
        return " ".join(str(raw).split())


def _part(message: EmailMessage, kind: str) -> str:
    for part in message.walk():
        if part.get_content_type() == f"text/{kind}" and part.get_content_disposition() != "attachment":
            charset = part.get_content_charset() or "utf-8"
            try:
                return _payload(part).decode(charset, "replace")
            except LookupError:
                return _payload(part).decode("utf-8", "replace")
    return ""


def _payload(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _preheader(html: str, text: str) -> str:
    """The line that mail programs show after the subject: the hidden text at the top, else the first words."""
    if html.strip():
        root = etree.fromstring(html.encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8"))
        for element in [] if root is None else root.iter():
            if "display:none" in str(element.get("style") or "").replace(" ", "").lower():
                words = _FILLERS.sub(" ", "".join(str(piece) for piece in element.itertext())).strip()
                if words:
                    return words[:180]
    return _FILLERS.sub(" ", text[:1000]).strip()[:180]


# ---------------------------------------------------------------- pages


def _page(title: str, body: str, policy: str) -> str:
    style = files("regulars.delivery.inbox").joinpath("inbox.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n{body}</html>\n"
    )


def _index_page(views: list[_View]) -> str:
    newest = views[::-1]
    count = "1 message" if len(views) == 1 else f"{len(views):,} messages"
    items = "\n".join(_item(view) for view in newest) or '<li class="none">Nothing has arrived yet.</li>'
    first = escape(newest[0].page) if newest else "about:blank"
    body = (
        '<body class="inbox">\n<nav>\n'
        f"<header><h1>Inbox</h1><p>{count}, newest first. None of them left this machine.</p></header>\n<ol>\n{items}\n"
        f'</ol>\n</nav>\n<iframe class="reader" name="reader" title="The message" src="{first}"></iframe>\n</body>\n'
    )
    return _page(f"Inbox: {count}", body, "script-src 'none'; object-src 'none'; form-action 'none'; base-uri 'none'")


def _item(view: _View) -> str:
    to = view.headers.get("To") or ", ".join(view.stored.recipients)
    return (
        f'<li><a href="{escape(view.page)}" target="reader">'
        f'<span class="who"><b>{escape(to)}</b><time>{escape(view.time)}</time></span>'
        f'<span class="subject">{escape(view.subject)}</span>'
        f'<span class="preheader">{escape(view.preheader)}</span>'
        f'<span class="from">{escape(view.headers.get("From", view.stored.sender))}</span></a></li>'
    )


def _message_page(view: _View) -> str:
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in view.headers.items())
    envelope = f"{view.stored.sender or '(nobody)'} → {', '.join(view.stored.recipients)}"
    source = view.stored.content.decode("utf-8", "replace")
    if len(source) > _LONGEST_SOURCE:
        source = source[:_LONGEST_SOURCE] + "\n… the rest is in the file"
    tabs = [("wide", "Desktop"), ("phone", "Phone")] if view.html else []
    tabs += [("text", "Text"), ("source", "Source")]
    radios = "".join(
        f'<input type="radio" name="view" id="{key}"{" checked" if (key, label) == tabs[0] else ""}>'
        f'<label for="{key}">{label}</label>'
        for key, label in tabs
    )
    notice = '<p class="notice">Remote images are not loaded here.</p>' if _REMOTE.search(view.html) else ""
    body = (
        f'<body class="message">\n<header><h1>{escape(view.subject)}</h1>\n'
        f'<p class="preheader">{escape(view.preheader)}</p>\n'
        f"<details><summary>{escape(view.headers.get('From', view.stored.sender))} → "
        f"{escape(', '.join(view.stored.recipients))}</summary>"
        f"<dl>{rows}<dt>Envelope</dt><dd>{escape(envelope)}</dd></dl></details></header>\n"
        f'{radios}<a class="file" href="{escape(view.stored.path.name)}">{escape(view.stored.path.name)}</a>\n'
        f'<main>{notice}{_frame(view.html)}<pre class="text">{escape(view.text) or "(no text part)"}</pre>'
        f'<pre class="source">{escape(source)}</pre></main>\n</body>\n'
    )
    return _page(view.subject, body, _POLICY)


def _frame(html: str) -> str:
    """The message's HTML in a sandboxed frame; its links open in another tab."""
    if not html:
        return ""
    base = '<base target="_blank">'
    page, found = _HEAD.subn(lambda head: head[0] + base, html, count=1)
    if not found:
        page = f"<!doctype html><head>{base}</head>{html}"
    return (
        '<iframe class="html" title="The message as HTML" referrerpolicy="no-referrer" '
        f'sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="{escape(page)}"></iframe>'
    )
