"""What an import would make of a file, what it asks, and where the answers are kept."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from regulars.core.errors import Invalid
from regulars.importing.column_review import Review, review_file
from regulars.importing.consent_columns import ConsentState
from regulars.importing.layout import Layout
from regulars.importing.layout_answers import NAME, keep_layout, kept_layout
from regulars.importing.options import ImportOptions
from regulars.importing.report import Kind
from regulars.rules.model import FieldType
from tests.common.people import SECRET
from tests.importing.conftest import NOW

LIST = """\
Kood;E-Post;Club GDPR;Birth date;skin;Frist name;costumer
k-1;ana@client.example;gold;03/04/1990;dry;Ana;1
k-2;bo@client.example;no;05/06/1991;;Bo;2
k-3;cy@client.example;yes;;oily;Cy;3
k-4;di@client.example;yes;;dry;Di;4
"""


def reviewed(folder: Path, content: str, layout: Layout | None = None, kind: Kind = Kind.CUSTOMERS) -> Review:
    path = folder / "file.csv"
    path.write_text(content, encoding="utf-8")
    options = ImportOptions(fields={"skin": FieldType.TEXT})
    return review_file(kind, path, layout or Layout(), options, now=NOW, secret=SECRET)


def test_each_column_is_shown_with_what_it_became_and_three_values(tmp_path: Path) -> None:
    found = {one.header: (one.became, one.values) for one in reviewed(tmp_path, LIST).columns}
    assert found["E-Post"] == ("email", ("ana@client.example", "bo@client.example", "cy@client.example"))
    assert found["skin"] == ("skin", ("dry", "oily"))
    assert found["Kood"] == (None, ("k-1", "k-2", "k-3"))


def test_what_is_not_certain_is_asked_and_answers_settle_it(tmp_path: Path) -> None:
    layout = Layout()
    asked = []
    for answer in ("subscribed", "first_name", "no", "mdy"):
        question = reviewed(tmp_path, LIST, layout).questions[0]
        assert answer in [one for one, _ in question.answers]
        asked.append((question.about, question.subject, question.option(answer)))
        layout = question.answered(layout, answer)
    assert asked == [
        ("column", "Club GDPR", '--map "Club GDPR=subscribed"'),
        ("column", "Frist name", '--map "Frist name=first_name"'),
        ("consent", "gold", '--consent "gold=no"'),
        ("dates", "", "--dates mdy"),
    ]
    assert reviewed(tmp_path, LIST, layout).questions == []
    assert layout.consent == {"gold": ConsentState.LEFT}


def test_an_id_is_never_guessed_by_likeness(tmp_path: Path) -> None:
    found = reviewed(tmp_path, "costumer,total\n1,2\n", kind=Kind.PURCHASES)
    assert [(one.about, one.answers[0][0], one.columns) for one in found.questions] == [
        ("needed", "customer", ("costumer",)),
        ("needed", "occurred_at", ("costumer",)),
    ]
    layout = found.questions[0].answered(Layout(), "email", "costumer")
    assert layout.mapping == {"costumer": "email"}


def test_money_and_statuses_are_asked_about(tmp_path: Path) -> None:
    orders = "order,email,date,total,status\no-1,a@b.example,2026-01-02,1.234,Sent back\n"
    found = reviewed(tmp_path, orders, kind=Kind.PURCHASES)
    assert [(one.about, one.subject) for one in found.questions] == [("decimal", ""), ("status", "Sent back")]
    sure = orders + "o-2,a@b.example,2026-01-02,0.5,\n"  # this cell shows the mark of the column
    assert [one.about for one in reviewed(tmp_path, sure, kind=Kind.PURCHASES).questions] == ["status"]


LAYOUT = Layout(
    {"Club": "subscribed", "Kood": "-"}, "dmy", ",", {"amount": Decimal("0.01")}, {"Sent back": "refunded"},
    {"gold": ConsentState.SUBSCRIBED, "tin": None},
)  # fmt: skip


def test_answers_are_kept_by_the_names_of_the_columns(tmp_path: Path) -> None:
    path = keep_layout(tmp_path, Kind.CUSTOMERS, ["Kood", "E-Post", "Club"], LAYOUT)
    assert path.name == NAME
    assert kept_layout(tmp_path, Kind.CUSTOMERS, ["Club", "Kood", "E-Post"]) == LAYOUT
    assert kept_layout(tmp_path, Kind.CUSTOMERS, ["Kood", "E-Post"]) == Layout()
    assert kept_layout(tmp_path, Kind.PURCHASES, ["Kood", "E-Post", "Club"]) == Layout()
    keep_layout(tmp_path, Kind.CUSTOMERS, ["Kood"], Layout(dates="mdy"))
    keep_layout(tmp_path, Kind.CUSTOMERS, ["Club", "Kood", "E-Post"], Layout(dates="mdy"))
    assert kept_layout(tmp_path, Kind.CUSTOMERS, ["Kood", "E-Post", "Club"]) == Layout(dates="mdy")
    assert path.read_text("utf-8").count("columns:") == 2


def test_a_person_can_write_yes_without_quotation_marks(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("customers:\n- columns: [A, B]\n  consent: {gold: yes, 1: no}\n")
    found = kept_layout(tmp_path, Kind.CUSTOMERS, ["A", "B"])
    assert found.consent == {"gold": ConsentState.SUBSCRIBED, "1": ConsentState.LEFT}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("custumers: []", "did you mean `customers`?"),
        ("customers: [{columns: [A], dats: dmy}]", "did you mean `dates`?"),
        ("customers: [{columns: [A], dates: ymd}]", "dmy or mdy or excel"),
        ("customers: [{columns: [A], consent: {gold: maybe}}]", "says `maybe` of `gold`"),
        ("customers: [{columns: A}]", "not a list of names"),
        ("customers: [{columns: [A], scale: {amount: much}}]", "numbers"),
        ("- a", "not a list of layouts by kind"),
        ("customers: [{columns: [A], map: [b]}]", "pairs"),
    ],
)
def test_a_fault_in_the_file_of_answers_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(Invalid) as caught:
        kept_layout(tmp_path, Kind.CUSTOMERS, ["A"])
    (fault,) = caught.value.diagnostics
    assert fault.code == "D006"
    assert words in f"{fault.message} {fault.expected} {fault.hint}"
