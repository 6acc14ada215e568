"""How clients are called by name in Ukrainian."""

from __future__ import annotations

import pytest

from regulars.render.vocative import vocative

CALLED = {
    "Олена": "Олено", "Ольга": "Ольго", "Микола": "Миколо", "Марія": "Маріє", "Софія": "Софіє", "Зоя": "Зоє",
    "Дар’я": "Дар’є", "Дар'я": "Дар'є", "Наталя": "Наталю", "Леся": "Лесю", "Ілля": "Ілле", "Любов": "Любове",
    "Іван": "Іване", "Тарас": "Тарасе", "Олександр": "Олександре", "Ігор": "Ігоре", "Лев": "Леве", "Ян": "Яне",
    "Олег": "Олеже", "Марек": "Мареку", "Петро": "Петре", "Павло": "Павле", "Марко": "Марку", "Андрій": "Андрію",
    "Василь": "Василю", "Анна-Марія": "Анно-Маріє", "Тарас Григорович": "Тарасе Григоровичу",
    "Леся Петрівна": "Лесю Петрівно", "ОЛЕНА": "ОЛЕНО", "олена": "олено",
}  # fmt: skip


@pytest.mark.parametrize(("name", "called"), CALLED.items())
def test_calls_by_name(name: str, called: str) -> None:
    assert vocative(name) == called


UNCALLED = ["Mihai", "Мішель", "Софі", "Лі", "Ёлка", "Ту", "", "-", "О. К.", "Олена2", "<b>", "Олена\n"]


@pytest.mark.parametrize("name", UNCALLED)
def test_leaves_alone_what_it_does_not_know(name: str) -> None:
    assert vocative(name) == name
