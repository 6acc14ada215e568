"""Without the extra `learn`, `check` names each place that reads what nothing learns, and stops nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from regulars.core.diagnostics import Severity, render
from regulars.workspace.folder import check, open_workspace
from tests.workspace.folders import write

_RULES = """\
campaigns:
  thanks:
    on: visit.done
    audience: customer.purchases >= 1 and customer.clv > 100
    steps:
      - email: hello
      - {wait: 3 days, email: plain, if: customer.p_alive < 0.5 or customer.next_product is none}
  return:
    every: year since customer.next_product_at, 3 days before
    email: plain
"""
_HELLO = """\
<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>{{ t.heading }} {{ t.button }}</mj-text>
        <mj-text>{% if customer.clv is not none %}{{ customer.clv | round | money }}{% endif %}</mj-text>
        <mj-text><a href="{{ links.unsubscribe }}">{{ t.leave }}</a></mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
_WORDS = """\
subject: Thanks for your visit
preheader: And here is what comes next
heading: How nice that you came
button: Come again
leave: Leave
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    plain = "templates/emails/plain"
    monkeypatch.chdir(tmp_path)
    return write(
        tmp_path,
        {
            "campaigns/thanks.yaml": _RULES,
            "templates/emails/hello/body.mjml": _HELLO,
            f"{plain}/body.mjml": _HELLO.replace("customer.clv", "customer.spent"),
            f"{plain}/words/en.yaml": _WORDS,
        },
    )


def test_with_the_extra_nothing_is_said(workspace: Path) -> None:
    _, faults, sources = check(workspace)
    assert faults == [], render(faults, sources)


@pytest.mark.parametrize("module", ["numpy", "scipy"])
def test_without_it_each_place_is_named(workspace: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    found, faults, sources = check(workspace)
    assert found is not None
    assert {(fault.code, fault.severity) for fault in faults} == {("A002", Severity.WARNING)}
    said = [
        (fault.span.line, sources[fault.span.path].splitlines()[fault.span.line - 1][fault.span.column - 1 :])
        for fault in faults
        if fault.span is not None
    ]
    assert [(line, rest[:14]) for line, rest in said] == [
        (4, "clv > 100"),
        (6, "hello"),
        (7, "p_alive < 0.5 "),
        (7, "next_product i"),
        (9, "next_product_a"),
    ]
    assert "pip install 'regulars[learn]'" in render(faults, sources)
    assert open_workspace(workspace).rulebook.campaigns.keys() == {"thanks", "return"}
