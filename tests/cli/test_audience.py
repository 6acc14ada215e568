"""`regulars audience`: how many match, who may be mailed, and mistakes in a typed condition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from regulars.cli import main
from regulars.core import ids
from regulars.db.engine import open_engine, write
from regulars.db.tables import preferences
from regulars.operation.database_upgrade import upgrade_database
from regulars.profile import facts
from tests.common.people import SECRET, add_consent, add_customer, add_purchase, add_suppression, moment
from tests.common.workspace import write_workspace

SEGMENTS = """\
segments:
  buyers: customer.purchases > 0
  best: in_segment('buyers') and spent(within='365 days') > 50
"""
NOW = ("--now", "2026-06-10T12:00")
CLIENTS = (
    # id, address, spent
    ("ada", "ada@client.example", 60), ("bo", "bo@client.example", 20), ("bo-2", "Bo@client.example", 70),
    ("cy", None, 90), ("di", "di@client.example", 80), ("ed", "ed@client.example", 10),
    ("flo", "flo@client.example", 0), ("gil", "gil@client.example", 55),
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight clients: two at one mailbox, one without address, one suppressed, one who unsubscribed, one on a break."""
    write_workspace(tmp_path, {"thanks": {"when": "in_segment('best')", "email": "thanks"}})
    (tmp_path / "campaigns" / "segments.yaml").write_text(SEGMENTS, encoding="utf-8")
    monkeypatch.setenv("REGULARS_SECRET", SECRET.decode())
    monkeypatch.setenv("COLUMNS", "80")
    engine = open_engine(f"sqlite:///{tmp_path / 'var' / 'regulars.sqlite'}")
    upgrade_database(engine, secret=SECRET)
    with write(engine) as connection:
        keys = {}
        for name, address, spent in CLIENTS:
            mark = ids.address_hash(address, SECRET) if address else None
            keys[name] = add_customer(connection, name, email=address, email_hash=mark, consent=name != "ed")
            if spent:
                add_purchase(connection, keys[name], "2026-06-01", amount=spent)
        add_suppression(connection, "di@client.example")
        add_consent(connection, keys["ed"], granted=False)
        pause = {"customer_id": keys["gil"], "paused_until": moment("2026-07-01"), "at": moment("2026-06-01")}
        connection.execute(insert(preferences).values(**pause))
        facts.refresh(connection)
    engine.dispose()
    return tmp_path


def run(root: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(root), "audience", *words, *NOW])


def data(root: Path, *words: str) -> dict[str, object]:
    result = run(root, *words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_it_counts_by_reason_and_mailbox(root: Path) -> None:
    found = data(root, "buyers")["audience"]
    reasons = {
        "no-address": 1, "paused-by-client": 1, "same-mailbox": 1, "suppressed": 1, "unsubscribed": 1
    }  # fmt: skip
    assert found == {"matching": 7, "mailable": 2, "reasons": reasons}


def test_a_segment_is_its_condition(root: Path) -> None:
    typed = "customer.purchases > 0 and spent(within='365 days') > 50"
    assert data(root, "best") == data(root, typed) == data(root, "in_segment('best')")


def test_it_is_readable_in_80_columns(root: Path) -> None:
    text = run(root, "buyers", "--list").stdout
    assert text.startswith("7 clients; 2 may be mailed.\n\nWhy the others may not\n")
    assert "they asked for a break" in text
    assert "cy     they have no address\n" in text
    assert "ada    may be mailed\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_list_as_csv_has_each_client_once(root: Path) -> None:
    lines = run(root, "buyers", "--csv").stdout.splitlines()
    assert lines[0] == "id,reason"
    assert sorted(lines[1:]) == lines[1:]
    assert lines[1:5] == ["ada,", "bo,", "bo-2,same-mailbox", "cy,no-address"]
    assert len(lines) == 8


def test_a_sample_is_of_the_audience_and_stays(root: Path) -> None:
    drawn = data(root, "buyers", "--sample", "3")["clients"]
    assert isinstance(drawn, list)
    assert len({one["id"] for one in drawn} & {name for name, _, _ in CLIENTS}) == 3
    assert data(root, "buyers", "--sample", "3")["clients"] == drawn


def test_overlap_counts_all_clients_or_those_of_a_condition(root: Path) -> None:
    pair = ("--overlap", "best", "customer.email is none")
    assert data(root, *pair)["overlap"] == {"both": 1, "first_only": 4, "second_only": 0, "neither": 3}
    assert data(root, "not in_segment('best')", *pair)["overlap"] == {
        "both": 0, "first_only": 0, "second_only": 0, "neither": 3
    }  # fmt: skip
    text = run(root, *pair).stdout
    assert "A: best\nB: customer.email is none\n" in text
    assert "A and B         1\n" in text


@pytest.mark.parametrize(
    ("typed", "place", "said", "hint"),
    [
        ("bst", "1:1", "there is no segment `bst`", "did you mean `best`?"),
        ("customer.spnt > 5", "1:10", "no field `spnt`", "did you mean `spent`?"),
        ("customer.vip and\n spent(withn='1 day') > 5", "2:8", "no argument `withn`", "`within`"),
        ("in_segment('buyrs')", "1:12", "there is no segment `buyrs`", "did you mean `buyers`?"),
        ("left_segment('best')", "1:1", "only `when`", "not in_segment('best')"),
        ("event.score > 5", "1:1", "`event` is known only", ""),
        ("customer.spent", "1:1", "not a yes or no", "customer.spent > 0"),
        ("customer.spent > ", "1:17", "stops too early", ""),
        ("", "1:1", "the condition is empty", ""),
        ("customer.country = 'EE'", "1:18", "does not belong", "write `==`"),
    ],
)
def test_each_mistake_points_into_the_typed_condition(root: Path, typed: str, place: str, said: str, hint: str) -> None:
    result = run(root, typed)
    assert result.exit_code == 1
    assert f"condition:{place}: error[A001]" in result.stderr
    assert said in " ".join(result.stderr.split())
    assert hint in result.stderr


def test_without_a_condition_it_says_how(root: Path) -> None:
    result = run(root)
    assert result.exit_code == 2
    assert "Name a segment, or write a condition in quotes" in result.stderr
