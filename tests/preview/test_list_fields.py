"""A workspace's own field of tags: imported, in a condition, in an email, exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from regulars.consent.data_export import export
from regulars.core.errors import Invalid
from regulars.core.settings import load
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.importing.options import options_for
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from regulars.planner.plan import plan
from regulars.preview.preview import preview
from regulars.workspace.folder import open_workspace
from tests.common.bench import at
from tests.common.people import SECRET
from tests.common.workspace import write_workspace

NOW = at("2026-03-02T12:00")
CAMPAIGNS: dict[str, Any] = {
    "vips": {"when": "'vip' in customer.tags", "backfill": "all", "email": "vips"},
    "rest": {"when": "'vip' not in customer.tags", "backfill": "all", "email": "vips"},
}
LINE = "{% if 'swim' in customer.tags %}To the pool{% else %}To the sauna{% endif %} {{ customer.tags | join('+') }}!"
FILE = (
    'id,email,subscribed,Tags\n1,a@client.example,yes,"vip, swim"\n2,b@client.example,yes,\n3,c@client.example,yes,x\n'
)


@pytest.mark.slow
def test_tags_from_a_file_to_an_email(engine: Engine, tmp_path: Path) -> None:
    root = write_workspace(tmp_path / "shop", CAMPAIGNS, lines={"vips": LINE})
    (root / "campaigns" / "own.yaml").write_text("fields:\n  tags: list\n", "utf-8")
    workspace = open_workspace(root)
    (tmp_path / "people.csv").write_text(FILE, "utf-8")
    options = options_for(workspace.rulebook)
    import_file(engine, Kind.CUSTOMERS, tmp_path / "people.csv", now=NOW, secret=SECRET, options=options)
    with write(engine) as connection:
        plan(connection, workspace, NOW)
        found = connection.execute(select(tables.promises.c.campaign, tables.promises.c.customer_id))
        assert sorted(tuple(row) for row in found) == [("rest", 3), ("vips", 1)]  # of client 2 it is not known
    settings = load(root, {"REGULARS_SECRET": "hush", "REGULARS_WEB_URL": "https://shop.example"})
    texts = [
        preview(engine, workspace, "vips", customer=name, settings=settings, step=None, now=NOW, locale=None)[0].text
        for name in ("1", "2", None)
    ]
    assert "To the pool vip+swim!" in texts[0]
    assert all("To the sauna !" in text for text in texts[1:])
    with read(engine) as connection:
        assert export(connection, 1)["customer"]["attrs"] == {"tags": ["vip", "swim"]}


@pytest.mark.parametrize(
    ("rule", "code"),
    [({"each": "customer.tags"}, "A001"), ({"every": "year since customer.tags"}, "R014"),
     ({"when": "customer.tags == 'vip'"}, "A001"), ({"when": "3 in customer.tags"}, "A001")],
)  # fmt: skip
def test_what_a_list_cannot_be(tmp_path: Path, rule: dict[str, Any], code: str) -> None:
    root = write_workspace(tmp_path / "shop", {"c": {**rule, "email": "v"}})
    (root / "campaigns" / "own.yaml").write_text("fields:\n  tags: list\n", "utf-8")
    with pytest.raises(Invalid) as refused:
        open_workspace(root)
    assert code in {fault.code for fault in refused.value.diagnostics}
