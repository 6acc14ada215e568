"""A workspace as a whole: what it holds when it is sound, and that nothing hides anything when it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.core.diagnostics import Severity, render
from regulars.core.errors import Invalid
from regulars.workspace.folder import check, open_workspace
from regulars.workspace.starter import starter
from tests.workspace.folders import SOUND, write


def test_a_sound_workspace_opens(tmp_path: Path) -> None:
    root = write(tmp_path)
    workspace, faults, sources = check(root)
    assert faults == [], render(faults, sources)
    assert workspace is not None
    opened = open_workspace(root)
    assert opened.rulebook == workspace.rulebook
    assert opened.root == root
    assert set(opened.conditions) == {
        ("campaigns", "thanks", "audience"),
        ("campaigns", "thanks", "steps", 1, "if"),
    }
    assert opened.conditions["campaigns", "thanks", "audience"].fields == {"purchases"}
    assert "shoe_size" in opened.catalogue.fields
    assert "hello" in opened.templates.names()


@pytest.mark.slow
def test_the_starter_is_sound_and_says_nothing() -> None:
    workspace, faults, sources = check(starter())
    assert faults == [], render(faults, sources)
    assert workspace is not None
    assert len(workspace.rulebook.campaigns) >= 7
    assert len(workspace.rulebook.tests) >= 3 * 7


def test_an_email_that_is_only_in_the_starter_is_found(tmp_path: Path) -> None:
    text = SOUND["campaigns/thanks.yaml"].replace("email: hello\n", "email: win-back\n")
    offer = "    offer: {coupon: {percent: 50}}\n"
    workspace, faults, sources = check(write(tmp_path, {"campaigns/thanks.yaml": text + offer}))
    assert workspace is not None, render(faults, sources)
    assert {fault.severity for fault in faults} <= {Severity.WARNING}


def test_rules_conditions_and_emails_are_blamed_in_one_go(tmp_path: Path) -> None:
    rules = """\
campaigns:
  thanks: {on: visit.done, email: hello, prority: 3}
  more: {when: customer.purchase >= 1, email: nowhere}
"""
    body = SOUND["templates/emails/hello/body.mjml"].replace("event.service", "event.servic")
    files = {
        "campaigns/thanks.yaml": rules,
        "campaigns/good.yaml": "campaigns:\n  hi: {on: visit.done, email: hello}\n",
        "templates/emails/hello/body.mjml": body,
    }
    workspace, faults, _ = check(write(tmp_path, files))
    assert workspace is None
    errors = [fault.code for fault in faults if fault.severity is Severity.ERROR]
    assert sorted(errors) == ["A001", "R001", "T001", "T004"]


def test_a_folder_without_rules(tmp_path: Path) -> None:
    workspace, faults, _ = check(tmp_path)
    assert workspace is None
    assert [fault.code for fault in faults] == ["R022"]
    with pytest.raises(Invalid, match="no rule file"):
        open_workspace(tmp_path)


def test_paths_are_shown_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path / "shop", {"campaigns/thanks.yaml": "campaign: {}\n"})
    monkeypatch.chdir(tmp_path)
    _, faults, sources = check(root)
    assert [fault.span and fault.span.path for fault in faults] == ["shop/campaigns/thanks.yaml"]
    assert "shop/campaigns/thanks.yaml" in sources
