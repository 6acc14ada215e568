"""Every email of the starter, looked at as a mail client, a spam filter and a reader would.

`python -m benchmarks.emails [--kind salon] [--sheets docs/images]`: each email in five languages for three clients (a
short name, a long one, an odd one). Prints what is wrong and SpamAssassin's worst scores (offline rules, a `spamd` of
its own); `--sheets` takes pictures of all emails on a phone, on a desk, and in the dark. Ends with 1 if something is
wrong.
"""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import html5lib
import yaml
from lxml import html

from regulars.core.settings import load
from regulars.preview.preview import Preview, preview
from regulars.render.compile import Templates
from regulars.workspace.folder import Workspace, open_workspace
from regulars.workspace.starter import make

ROOT = Path(__file__).parents[1]
LANGUAGES = ("en", "uk", "ru", "ro", "et")
CLIENTS: Mapping[str, Mapping[str, str]] = {
    "short": {"first_name": "Al", "name": "Al Po", "last_name": "Po", "company": "X"},
    "long": {
        "first_name": "Maximiliana-Alexandrina", "last_name": "Wolfeschlegelsteinhausenbergerdorff",
        "name": "Maximiliana-Alexandrina Wolfeschlegelsteinhausenbergerdorff",
        "company": "Întreprinderea Municipală de Salubritate și Amenajare a Teritoriului",
    },
    "odd": {
        "first_name": "Seán <b>", "last_name": "O'Neill & \"Co\"", "name": "Seán O'Neill & \"Co\"", "company": "{{x}}",
    },
}  # fmt: skip
MOST_BYTES = 102_000
"""Beyond this a large provider cuts the message off."""
MOST_SPAM = 1.0
WORD = re.compile(r"[^\W_]+")
URL = re.compile(r"(?:https?://|mailto:|tel:)\S+")
SAME = {"coupon_gift", "coupon_amount", "coupon_percent", "greeting", "by", "bought", "when"}
"""Words that may be alike in two languages: they consist of a value, or are one word in Ukrainian and Russian."""


CYRILLIC = str.maketrans(dict(zip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                  "абсдефґгійклмнопкрстуввхизАБСДЕФҐГІЙКЛМНОПКРСТУВВХИЗ", strict=True)))  # fmt: skip
AS_IT_IS = re.compile(r"://|@|^[a-z]+(?:[-_][a-z]+)*$|^[A-Za-z]+/[A-Za-z_]+$|^[A-Z]{2,3}$|^#|^\d{4}-")
"""Addresses, words that rules go by (`silver`), zones, currencies and dates: the same in every language."""


def in_cyrillic(value: Any) -> Any:
    """The values of a sample in the letters of those who write Cyrillic, as their own clients and products would be."""
    match value:
        case dict():
            return {name: in_cyrillic(one) for name, one in value.items()}
        case list():
            return [in_cyrillic(one) for one in value]
        case str() if not AS_IT_IS.search(value):
            return value.translate(CYRILLIC)
        case _:
            return value


class ClientTemplates(Templates):
    """The emails, with another client in every sample, whose data are in the letters of their language."""

    who: Mapping[str, str] = {}
    reader = "en"

    def sample(self, email: str) -> dict[str, Any]:
        """The email's sample about this client."""
        found = super().sample(email)
        found = {**found, "customer": {**found["customer"], **self.who}}
        return {**in_cyrillic(found), "links": found["links"]} if self.reader in ("uk", "ru") else found


@dataclass(frozen=True, slots=True)
class Case:
    """One email in one language for one client."""

    one: Preview
    client: str

    def __str__(self) -> str:
        return f"{self.one.email} ({self.one.locale}, {self.client} name)"


def main() -> None:
    """Looks at all of them."""
    parser = argparse.ArgumentParser(description="The starter's emails, as mail clients and spam filters see them.")
    parser.add_argument("--kind", help="a starter for a kind of business; default: all plays")
    parser.add_argument("--sheets", type=Path, help="a folder for the pictures")
    parser.add_argument("--no-spam", action="store_true", help="without SpamAssassin")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = ROOT
        if options.kind:
            root = Path(folder) / "workspace"
            make(root, options.kind)
        workspace = open_workspace(root)
        cases = list(each_case(workspace))
        wrong = [fault for case in cases for fault in faults(case)] + list(untranslated(root))
        scores = [] if options.no_spam else spam_scores(cases)
        wrong += [f"{case}: spam score {score}" for score, case, _ in scores if score >= MOST_SPAM]
        _print(cases, wrong, scores)
        if options.sheets:
            from benchmarks.sheets import take

            take([case.one for case in cases if case.client == "short"], options.sheets)
    sys.exit(1 if wrong else 0)


def each_case(workspace: Workspace) -> Iterator[Case]:
    """Every email that a campaign sends, once, in each language and for each client."""
    now = datetime(2026, 3, 5, 10, tzinfo=UTC)
    settings = load(workspace.root, {"REGULARS_SECRET": "emails", "REGULARS_WEB_URL": "https://mail.gradina.example"})
    for client, who in CLIENTS.items():
        templates, seen = ClientTemplates(workspace.templates.folders, workspace.rulebook.company.locale), set[str]()
        templates.who = who
        given = replace(workspace, templates=templates)
        for campaign in workspace.rulebook.by_priority:
            for step in campaign.all_steps:
                for language in LANGUAGES if step.email not in seen else ():
                    templates.reader = language
                    (one,) = preview(
                        None, given, campaign.name, customer=None, step=step.key, now=now, locale=language,
                        settings=settings,
                    )  # fmt: skip
                    yield Case(one, client)
                seen.add(step.email)


def faults(case: Case) -> Iterator[str]:
    """What is wrong with one email."""
    one = case.one
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    parser.parse(one.html)
    yield from (f"{case}: HTML {code} at {at}" for at, code, _ in parser.errors)
    yield from (f"{case}: {warning}" for warning in one.warnings)
    for text in (one.subject, one.preheader, one.text):
        if re.search(r"\bNone\b|\{%|%\}|Undefined", text):
            yield f"{case}: something is left of the template in `{text[:60]}`"
    if len(one.eml) > MOST_BYTES or len(one.html.encode()) > MOST_BYTES:
        yield f"{case}: {len(one.eml)} bytes"
    written = one.text
    page: Any = html.document_fromstring(one.html.encode(), html.HTMLParser(encoding="utf-8"))
    seen = " ".join(_seen(page.body))
    for address in re.findall(r'href="mailto:([^"?]+)', one.html):
        if address not in seen:
            written = written.replace(address, "")
    if WORD.findall(URL.sub("", written)) != WORD.findall(URL.sub("", seen)):
        yield f"{case}: the text has other words than the HTML"


def _seen(node: Any) -> Iterator[str]:
    hidden = "display:none" in (node.get("style") or "") if isinstance(node.tag, str) else True
    if hidden or node.tag in ("script", "style", "title", "template"):
        return
    yield node.text or ""
    for child in node:
        yield from _seen(child)
        yield child.tail or ""


def untranslated(root: Path) -> Iterator[str]:
    """Words that are the same in two languages."""
    for folder in sorted((root / "templates" / "emails").glob("*/words")):
        files = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in folder.glob("*.yaml")}
        for one, two in combinations(sorted(files), 2):
            for name in files[one].keys() & files[two].keys() - SAME:
                plain = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", files[one][name])
                if files[one][name] == files[two][name] and WORD.search(plain):
                    yield f"{folder.parent.name}: `{name}` is the same in {one} and {two}"


def spam_scores(cases: list[Case]) -> list[tuple[float, Case, str]]:
    """SpamAssassin's score of each, the worst first, with the rules that gave it."""
    with _spamd() as port:
        found = [(*_score(port, case.one.eml), case) for case in cases]
    return sorted(((score, case, rules) for score, rules, case in found), key=lambda each: -each[0])


@contextmanager
def _spamd() -> Iterator[int]:
    """A spamd with offline rules on a free port; it ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = ["/usr/sbin/spamd", "-L", "-x", "-i", "127.0.0.1", "-p", str(port), "-m", "2", "--max-conn-per-child=500"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(120):
            time.sleep(0.5)
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


def _score(port: int, message: bytes) -> tuple[float, str]:
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(message) + message)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _, rules = answer.partition("\r\n\r\n")
    found = re.search(r"Spam: \w+ ; (-?[\d.]+) /", head)
    if not found:
        raise RuntimeError(f"spamd said: {answer[:200]}")
    return float(found[1]), rules.strip()


def _print(cases: list[Case], wrong: list[str], scores: list[tuple[float, Case, str]]) -> None:
    emails = {case.one.email for case in cases}
    largest = max(len(case.one.eml) for case in cases)
    print(f"{len(emails)} emails, {len(cases)} messages; the largest has {largest:,} bytes\n")
    if scores:
        print("| spam score | email | rules |\n|---|---|---|")
        for score, case, rules in scores[:5]:
            print(f"| {score:.1f} | {case} | {rules} |")
    print(f"\n{len(wrong)} wrong" + (":" if wrong else "."))
    kinds = Counter(re.sub(r" at \(.*\)", "", fault) for fault in wrong)
    for fault, count in kinds.most_common(60):
        print(f"- {fault}" + (f" ({count} times)" if count > 1 else ""))


if __name__ == "__main__":
    main()
