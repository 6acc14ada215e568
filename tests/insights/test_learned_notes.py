"""`report` says that the model of buying lies at the edge of its search; what is inside says nothing."""

from __future__ import annotations

from math import exp

import pytest
from sqlalchemy import Engine, insert

from regulars.db.engine import read, write
from regulars.db.tables import buying_model
from regulars.insights.campaign_report import learned_notes
from regulars.knowledge.search_range import EDGE, corner
from regulars.profile import facts
from tests.common.bench import at
from tests.common.people import add_customer, add_purchase

INSIDE = {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.4}


def _learned(engine: Engine, **changed: float) -> list[str]:
    with write(engine) as connection:
        add_purchase(connection, add_customer(connection, "ada"), "2025-06-10")
        facts.refresh(connection)
        row = {"id": 1, "clients": 60, "learned_at": at("2026-06-10"), **INSIDE, **changed}
        connection.execute(insert(buying_model).values(row))
    with read(engine) as connection:
        return learned_notes(connection)


def test_nothing_learned_and_a_fit_inside_say_nothing(engine: Engine) -> None:
    with read(engine) as connection:
        assert learned_notes(connection) == []
    assert _learned(engine) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"b": exp(EDGE)}, "hardly any client is ever lost"),
        ({"a": exp(EDGE), "b": exp(EDGE)}, "a client is lost after 50% of purchases"),
        ({"alpha": exp(-EDGE) * 365 / 70}, "(alpha)"),
    ],
)
def test_a_fit_at_the_edge_is_told(engine: Engine, changed: dict[str, float], said: str) -> None:
    (note,) = _learned(engine, **changed)
    assert said in note
    assert "p_alive" in note


def test_the_unit_of_time_changes_nothing_but_alpha() -> None:
    assert corner(1.0, 5.0, exp(-EDGE), 1.0, 3.0) == ("a",)
    assert corner(1.0, 5.0 * exp(EDGE), 1.0, 1.0, 5.0) == ("alpha",)
