"""Random worlds by the thousand: after each plan that asks only whom it has to, a full one must find nothing.

`python -m benchmarks.incremental [--worlds 200] [--plans 12] [--first 0] [--url postgresql://…/scratch]`: the worlds of
`tests.common.incremental`, on SQLite in a temporary folder by default. Prints what a full plan found, and the numbers.
The database named is emptied.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time

from regulars.db import tables
from regulars.db.engine import open_engine, write
from tests.common.incremental import World


def main() -> None:
    """Runs them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--plans", type=int, default=12)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--url", help="an empty database")
    options = parser.parse_args()
    logging.getLogger("regulars").setLevel(logging.CRITICAL)
    begun, asked, differences = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(options.url or f"sqlite:///{folder}/regulars.sqlite")
        with write(engine) as connection:
            tables.metadata.create_all(connection)
        for seed in range(options.first, options.first + options.worlds):
            world = World(engine, seed)
            for line in world.live(options.plans):
                differences += 1
                print(f"world {seed}: {line}", flush=True)
            asked += world.asked
        engine.dispose()
    seconds = time.monotonic() - begun
    print(f"{options.worlds} worlds, {options.worlds * options.plans} plans, of which {asked} asked only some clients;")
    print(f"{differences} differences to a full plan; {seconds:.0f} s")


if __name__ == "__main__":
    main()
