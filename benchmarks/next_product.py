"""How well the next product is foretold, way by way, and which way the choice falls on.

`python -m benchmarks.next_product [--data FILE]`: two made-up histories, groceries and business supplies, and line
items as UCI's Online Retail has them (CSV, may be gzipped). The choice is made by the last month but one; the last
month, which had no part in it, is what counts. A hit is one right product among the first 1, 3 or 5 offered.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from regulars.knowledge.product_prediction import PLACES, Hits, choose
from regulars.knowledge.purchase_history import DAY, History
from tests.common.histories import Lines, business_supplies, groceries

_PRODUCT = re.compile(r"\d{5}")
_COLUMNS = {"invoice": "invoiceno", "code": "stockcode", "quantity": "quantity", "time": "invoicedate",
            "customer": "customerid"}  # fmt: skip


def main() -> None:
    """Prints a table for each history."""
    parser = argparse.ArgumentParser(description="Hit rates of the ways to tell the next product.")
    parser.add_argument("--data", type=Path, help="line items: CSV, may be gzipped")
    options = parser.parse_args()
    made = {"groceries": groceries(), "business supplies": business_supplies()}
    if options.data:
        lines = read(options.data)
        made |= {options.data.name: lines}
        again = np.ones(len(lines.consumable), dtype=np.bool_)
        made |= {f"{options.data.name}, repurchase counts": Lines(lines.clients, lines.instants, lines.products, again)}
    for name, lines in made.items():
        _report(name, lines)


def _report(name: str, lines: Lines) -> None:
    history = History.of(lines.clients, lines.instants, lines.products, products=len(lines.consumable))
    begun = time.perf_counter()
    found = choose(history, lines.consumable)
    print(
        f"\n{name}: {history.clients:,} clients, {len(history.client):,} lines, {history.products:,} products;"
        f" {time.perf_counter() - begun:.1f} s; {found.method} wins"
    )
    print("| way | last month but one: hit at " + ", ".join(map(str, PLACES)) + " | last month | standard error |")
    print("|---|---|---|---|")
    for trial in found.trials:
        print(f"| {trial.method} | {_rates(trial.chosen_by)} | {_rates(trial.reported)} | {_errors(trial.reported)} |")
    if found.trials:
        print(f"{found.trials[0].chosen_by.asked:,} and {found.trials[0].reported.asked:,} clients asked")


def _rates(hits: Hits) -> str:
    return ", ".join(f"{hit / hits.asked:.1%}" for hit in hits.hits) if hits.asked else "nobody asked"


def _errors(hits: Hits) -> str:
    shares = [hit / max(1, hits.asked) for hit in hits.hits]
    return ", ".join(f"{(share * (1 - share) / max(1, hits.asked)) ** 0.5:.1%}" for share in shares)


def read(path: Path) -> Lines:
    """Every line of a known client; cancelled lines and codes that are no products left out."""
    clients: dict[str, int] = {}
    products: dict[str, int] = {}
    rows: list[tuple[int, int, int]] = []
    for row in _rows(path):
        customer, code = row["customer"].strip(), row["code"].strip().upper()
        if not customer or not _PRODUCT.match(code) or float(row["quantity"]) <= 0:
            continue
        days = datetime.fromisoformat(f"{row['time']}+00:00").timestamp() / 86_400
        client = clients.setdefault(customer, len(clients))
        rows.append((client, round(days * DAY), products.setdefault(code, len(products))))
    columns = np.array(rows, dtype=np.int64)
    return Lines(columns[:, 0], columns[:, 1], columns[:, 2], np.zeros(len(products), dtype=np.bool_))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as text:
        lines = csv.reader(text)
        header = [re.sub(r"[^a-z]", "", name.lower()) for name in next(lines)]
        places = {name: header.index(column if column in header else name) for name, column in _COLUMNS.items()}
        for line in lines:
            yield {name: line[place] for name, place in places.items()}


if __name__ == "__main__":
    main()
