"""Each way to break a sound workspace is said at its line, and stops it from opening."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.core.diagnostics import render
from regulars.core.errors import Invalid
from regulars.workspace.folder import check, open_workspace
from tests.workspace.folders import Case, cases, write


@pytest.mark.slow
@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
def test_a_broken_workspace_is_diagnosed_at_its_line(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, case.files)
    monkeypatch.chdir(tmp_path)
    workspace, faults, sources = check(tmp_path)
    shown = render(faults, sources)
    assert workspace is None, shown
    path = case.at or case.file
    found = [f for f in faults if f.span and (f.code, f.span.path, f.span.line) == (case.code, path, case.line)]
    assert len(found) == 1, shown
    span = found[0].span
    assert span is not None
    assert case.column is None or span.column == case.column, shown
    assert case.says is None or case.says in found[0].message, shown
    assert case.hint is None or case.hint in (found[0].hint or ""), shown
    assert path in sources
    with pytest.raises(Invalid) as raised:
        open_workspace(tmp_path)
    assert found[0] in raised.value.diagnostics
    assert path in raised.value.sources
