"""Each fault of a mail server has the end that docs/reliability.md says, and none loses or doubles an email."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trustme
from sqlalchemy import Engine

from tests.faults.smtp_faults import EMAILS, FAULTS, SmtpFault, table
from tests.faults.smtp_play import play

pytestmark = [pytest.mark.slow, pytest.mark.sockets]

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("case", FAULTS, ids=[case.name for case in FAULTS])
def test_every_email_comes_to_its_end(
    case: SmtpFault, sqlite_engine: Engine, tmp_path: Path, authority: trustme.CA
) -> None:
    end = play(case, sqlite_engine, tmp_path / "shop", authority)
    assert (end.struck, end.others, end.arrived, end.doubled) == (case.struck, case.others, case.arrived, 0)
    counted = [end.struck, *[end.others] * (EMAILS - 1)]
    sent, uncertain = counted.count("sent"), sum(one.startswith("uncertain") for one in counted)
    assert sent <= end.arrived <= sent + uncertain


def test_the_page_has_the_table() -> None:
    assert len({case.name for case in FAULTS}) == len(FAULTS) >= 24
    found = re.search(r"<!-- smtp faults -->\n(.*?)<!-- end -->", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    assert found[1].strip() == table().strip(), "run `python -m tests.faults.smtp_faults`, and put the table there"
