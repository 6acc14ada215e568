"""How well the next product is foretold: learned links against the most popular products.

`python -m benchmarks.next_product --data FILE`: line items as UCI's Online Retail has them (CSV, may be gzipped).
Learns on all before `--until` and asks, for every client known by then who buys again, what new products the next visit
holds and which ones all later visits hold. Both sides leave out what the client has already.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from regulars.knowledge.sequence import Bought, Sequences, learn

_PLACES = (1, 3, 5)
_PRODUCT = re.compile(r"\d{5}")


@dataclass(frozen=True, slots=True)
class Case:
    """One client: what was bought before, in order, what is new in the next visit, and in all later ones."""

    had: tuple[str, ...]
    following: frozenset[str]
    later: frozenset[str]


def main() -> None:
    """Prints hit rates at 1, 3 and 5."""
    parser = argparse.ArgumentParser(description="Hit rates of the learned next product.")
    parser.add_argument("--data", type=Path, required=True, help="line items: CSV, may be gzipped")
    parser.add_argument("--until", default="2011-04-01", help="the day on which foretelling begins")
    options = parser.parse_args()
    histories = read(options.data)
    until = datetime.fromisoformat(options.until).timestamp() / 86_400
    before = [[one for one in history if one.at < until] for history in histories]
    begin = time.perf_counter()
    model = learn([history for history in before if history])
    seconds = time.perf_counter() - begin
    cases = [case for old, whole in zip(before, histories, strict=True) if (case := _case(old, whole)) is not None]
    links = sum(map(len, model.links.values()))
    print(f"{sum(map(bool, before))} clients learned from, {links} links, {seconds:.1f} s; {len(cases)} clients asked")
    print("| asked | model | " + " | ".join(f"hit at {k}" for k in _PLACES) + " |")
    print("|---|---|" + "---|" * len(_PLACES))
    for asked in ("next visit", "all later visits"):
        for name in ("learned", "most popular"):
            rates = (f"{rate(model, cases, k, asked=asked, name=name):.1%}" for k in _PLACES)
            print(f"| {asked} | {name} | {' | '.join(rates)} |")


def rate(model: Sequences, cases: Sequence[Case], count: int, *, asked: str, name: str) -> float:
    """The share of clients for whom at least one of `count` guesses is right."""
    by_popularity = sorted(model.popular, key=lambda p: (-model.popular[p], str(p)))
    hits = 0
    for case in cases:
        guessed = model.next_products(case.had, count=count) if name == "learned" else []
        known = {*case.had, *guessed}
        guessed += [p for p in by_popularity[: len(known) + count] if p not in known][: count - len(guessed)]
        hits += not (case.following if asked == "next visit" else case.later).isdisjoint(map(str, guessed))
    return hits / len(cases)


def read(path: Path) -> list[list[Bought]]:
    """Every client's visits, in order; cancelled lines and codes that are no products left out."""
    visits: dict[str, dict[str, tuple[float, set[str]]]] = defaultdict(dict)
    for row in _rows(path):
        customer, code = row["customer"].strip(), row["code"].strip().upper()
        if not customer or not _PRODUCT.match(code) or float(row["quantity"]) <= 0:
            continue
        at = datetime.fromisoformat(row["time"]).timestamp() / 86_400
        visits[customer].setdefault(row["invoice"], (at, set()))[1].add(code)
    return [
        sorted((Bought(at, frozenset(codes)) for at, codes in mine.values()), key=lambda one: one.at)
        for _, mine in sorted(visits.items())
    ]


_COLUMNS = {"invoice": "invoiceno", "code": "stockcode", "quantity": "quantity", "time": "invoicedate",
            "customer": "customerid"}  # fmt: skip


def _rows(path: Path) -> Iterator[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as text:
        lines = csv.reader(text)
        header = [re.sub(r"[^a-z]", "", name.lower()) for name in next(lines)]
        places = {name: header.index(column if column in header else name) for name, column in _COLUMNS.items()}
        for line in lines:
            yield {name: line[place] for name, place in places.items()}


def _case(old: Sequence[Bought], whole: Sequence[Bought]) -> Case | None:
    if not old or len(whole) == len(old):
        return None
    had = tuple(dict.fromkeys(str(p) for one in old for p in sorted(one.products, key=str)))
    known = frozenset(had)
    coming = [frozenset(map(str, one.products)) - known for one in whole[len(old) :]]
    return Case(had, coming[0], frozenset().union(*coming))


if __name__ == "__main__":
    main()
