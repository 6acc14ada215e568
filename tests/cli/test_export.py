"""export, as a person meets it."""

from __future__ import annotations

import json
import stat

import pytest

from tests.cli.conftest import Project

pytestmark = pytest.mark.slow


def test_a_kind_goes_to_the_screen_or_into_a_closed_file(clients: Project) -> None:
    shown = clients.ok("export", "customers")
    assert shown.splitlines()[0].startswith("id,email,name,first_name")
    assert len(shown.splitlines()) == 4
    out = clients.root / "c.csv"
    out.write_text("an older one")
    clients.ok("export", "customers", "--out", str(out))
    assert out.read_text("utf-8") == shown
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [path.name for path in clients.root.glob(".c.csv*")] == []


def test_json_is_one_object_to_a_line_and_imports_again(clients: Project) -> None:
    lines = clients.ok("export", "purchases", "--json")
    assert [json.loads(line)["id"] for line in lines.splitlines()] == ["o-1", "o-2"]
    path = str(clients.file("p.jsonl", lines))
    assert "0 purchases added, 0 changed, 2 as they were" in clients.ok("import", "purchases", path)


def test_one_client_goes_into_a_closed_file_too(clients: Project) -> None:
    out = clients.root / "ada.json"
    clients.ok("export", "c-1", "--out", str(out))
    assert json.loads(out.read_text("utf-8"))["customer"]["email"] == "ada@clients.example"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert clients.run("export", "c-1", "--csv").exit_code == 2
    assert clients.run("export", "customers", "--out", str(clients.root / "no" / "c.csv")).exit_code == 3
