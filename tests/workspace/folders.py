"""A small sound workspace, and the ways to break it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
SOUND: Mapping[str, str] = {
    "campaigns/company.yaml": """\
company:
  name: Studio Ana
  from: Ana <ana@studio.example>
  address: 7 Florilor St, Chișinău
  locale: en
  timezone: Europe/Chisinau
events:
  visit.done: {service: text, paid: number}
fields:
  shoe_size: number
""",
    "campaigns/thanks.yaml": """\
campaigns:
  thanks:
    on: visit.done
    audience: customer.purchases >= 1 and event.paid > 10
    steps:
      - email: hello
      - {wait: 3 days, email: hello, id: again, if: customer.shoe_size > 38}
""",
    "templates/emails/hello/body.mjml": """\
<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>{{ t.heading }}</mj-text>
        <mj-text>{{ event.service }}</mj-text>
        <mj-button href="{{ links.book }}">{{ t.button }}</mj-button>
        <mj-text><a href="{{ links.unsubscribe }}">{{ t.leave }}</a></mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
""",
    "templates/emails/hello/words/en.yaml": """\
subject: Thanks for your visit
preheader: And here is what comes next
heading: How nice that you came
button: Come again
leave: Leave
""",
    "templates/emails/hello/sample.yaml": "event: {service: haircut}\n",
}


def write(root: Path, files: Mapping[str, str] | None = None) -> Path:
    """The sound workspace under `root`, with some files in place of its own."""
    for name, text in {**SOUND, **(files or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@dataclass(frozen=True)
class Case:
    """One change of a file that breaks the workspace: `old` becomes `new`; the code and place of what is said."""

    name: str
    file: str
    old: str
    new: str
    code: str
    line: int
    at: str | None = None
    column: int | None = None
    says: str | None = None
    hint: str | None = None
    warning: bool = False

    @property
    def files(self) -> dict[str, str]:
        """The file as broken."""
        text = SOUND[self.file]
        assert self.old in text, f"{self.name}: nothing to change"
        return {self.file: text.replace(self.old, self.new, 1)}


def cases() -> Iterator[Case]:
    """All cases of all files."""
    for path in sorted(CASES.glob("*.yaml")):
        for raw in yaml.safe_load(path.read_text(encoding="utf-8")):
            item: dict[str, Any] = raw
            yield Case(**item)
