"""Random sequences with branches, many times: the plan against a plain model, edits, and `explain` for every client.

Hour by hour each client of a random population is walked through a random sequence by the planner and by a model in
plain Python (`tests.common.sequences`), and must get the same emails at the same hours. Every second sequence is edited
every five hours instead (moved, removed, added, renamed steps), and nobody may get an email twice. At the end `explain`
says of each client where they stand, and must agree with the model.

    python -m benchmarks.sequences [--sequences 50] [--clients 20] [--first 0] [--url sqlite://…]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter

from sqlalchemy import Engine, delete

from regulars.db import tables
from regulars.db.engine import open_engine, write
from tests.common.sequences import BEGIN, HOUR, World, campaigns, disagreements, random_edit, random_rule

HOURS = 26


def main() -> None:
    """Runs them, and prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=50)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--url", help="an empty database; by default SQLite in a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(given.url or f"sqlite:///{folder}/regulars.sqlite")
        with write(engine) as connection:
            tables.metadata.create_all(connection)
        found: Counter[str] = Counter()
        began = time.process_time()
        for seed in range(given.first, given.first + given.sequences):
            found.update(_one(engine, seed, given.clients, edited=seed % 2 == 1))
        print(f"{given.sequences} sequences, {time.process_time() - began:.0f} s of CPU:", dict(found))


def _one(engine: Engine, seed: int, clients: int, *, edited: bool) -> Counter[str]:
    """One sequence: what was sent, what differed from the model, who got an email twice, where `explain` was wrong."""
    with write(engine) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table))
    dice = random.Random(seed)
    rule = random_rule(dice)
    world = World(engine, dice, rule, clients, HOURS)
    found: Counter[str] = Counter(differences=0, twice=0, disagreements=0)
    had: Counter[tuple[str, str]] = Counter()
    for number in range(HOURS):
        if edited and number % 5 == 4 and world.bench.rules is not None:
            rule = random_edit(dice, rule)
            world.bench.rules = world.bench.rules.with_campaigns(campaigns(rule))
        sent, walked = world.hour(BEGIN + number * HOUR, walk=not edited)
        had.update(sent)
        found["emails"] += len(sent)
        found["differences"] += 0 if edited else len(sent ^ walked)
    found["twice"] += sum(count > 1 for count in had.values())
    if not edited:
        wrong = disagreements(world, BEGIN + (HOURS - 1) * HOUR)
        found.update(explained=clients, disagreements=len(wrong))
        for line in wrong:
            print(f"seed {seed}: {line}")
    return found


if __name__ == "__main__":
    main()
