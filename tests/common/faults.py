"""Faults of a workspace's surroundings on real processes: each must be seen in log, readiness and report, and end.

Five faults: a faulty rule file, a mail server that is away, a worker's clock that is 90 s ahead, a full disk, a
database that is not upgraded. Four strike a workspace on PostgreSQL; the full disk strikes one on SQLite, whose file
lies on a small file system of its own.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import func, select, text

from regulars.db import upgrade
from regulars.db.engine import write
from regulars.db.tables import customers
from regulars.db.write_probe import write_fault
from tests.common.people import add_event
from tests.common.servers import wait_for
from tests.common.site import Site
from tests.common.smtp import Inbox
from tests.common.supervised import ShiftedClock, Supervised, command_output, readiness

WITHIN = 60.0
"""Seconds within which a fault must be seen everywhere."""
OVER_WITHIN = 120.0
"""Seconds within which it must be over once it is mended: a server that was away is asked once a minute."""
_POLL = 0.25
_REPORT_EVERY = 4.0
"""Seconds between two runs of `report`, a process of its own."""


@dataclass
class Workplace:
    """A workspace with its worker and web process, and a mail server that can go away. `wake` does beat's work."""

    site: Site
    port: int
    worker: Supervised
    clock: ShiftedClock
    inbox: Inbox | None
    """None while the mail server is away."""
    mail_port: int
    wake: Callable[[], None]
    disk: Path | None = None
    accepted: int = 0
    visits: int = 0

    def command(self, *arguments: str) -> str:
        """What a command prints."""
        return command_output(["--workspace", str(self.site.root), *arguments], self.site.environment)

    def visit(self) -> None:
        """A client's visit ends now: an email is due."""
        self.visits += 1
        with write(self.site.engine) as connection:
            key = connection.scalar(select(func.min(customers.c.id)))
            assert key is not None
            add_event(connection, key, "visit.done", datetime.now(UTC), {"service": f"cut {self.visits}"})

    def mailed(self) -> int:
        """How many emails have arrived."""
        return self.accepted + (len(self.inbox.messages) if self.inbox else 0)

    def stop_mail(self) -> None:
        """The mail server goes away."""
        if self.inbox is not None:
            self.accepted += len(self.inbox.messages)
            self.inbox.__exit__(None, None, None)
            self.inbox = None

    def start_mail(self) -> None:
        """It is back, at the same port."""
        self.inbox = Inbox(self.mail_port)
        self.inbox.__enter__()


@dataclass(frozen=True)
class Fault:
    """How it is brought about and mended; the words that tell it in each place, and those that end it in the log."""

    name: str
    strike: Callable[[Workplace], None]
    mend: Callable[[Workplace], None]
    logged: str
    answered: str
    reported: str
    over: str


@dataclass
class Seen:
    """After how many seconds a fault was seen, and was over; None: not in time.

    `log`, `readyz` and `report` count from the fault; `over` from its mending until none of them tells of it any more,
    `mail` from then until an email went that became due.
    """

    fault: str
    log: float | None = None
    readyz: float | None = None
    report: float | None = None
    over: float | None = None
    mail: float | None = None

    def missed(self) -> list[str]:
        """What did not happen in time."""
        return [one.name for one in fields(self) if getattr(self, one.name) is None]


def play(place: Workplace, *faults: Fault, hold: float = 0.0) -> list[Seen]:
    """Brings the faults about at once, for `hold` seconds or until they are seen; mends them, and waits for their end.

    At the end an email becomes due, and must go.
    """
    seen = [Seen(fault.name) for fault in faults]
    log, begun = place.worker.log.stat().st_size, time.monotonic()
    for fault in faults:
        fault.strike(place)
    found = _watch(place, begun, WITHIN, {
        "log": [partial(_logged, one.logged, log) for one in faults],
        "readyz": [partial(_answered, one.answered) for one in faults],
        "report": [partial(_reported, one.reported) for one in faults],
    })  # fmt: skip
    for number, one in enumerate(seen):
        one.log, one.readyz, one.report = (found[place_told][number] for place_told in ("log", "readyz", "report"))
    while time.monotonic() - begun < hold:
        _turn(place)
    log, begun = place.worker.log.stat().st_size, time.monotonic()
    for fault in faults:
        fault.mend(place)
    found = _watch(place, begun, OVER_WITHIN, {
        "log": [partial(_logged, one.over, log) for one in faults],
        "readyz": [partial(_no_longer_answered, one.answered) for one in faults],
        "report": [partial(_no_longer_reported, one.reported) for one in faults],
    })  # fmt: skip
    for number, one in enumerate(seen):
        times = [found[place_told][number] for place_told in found]
        one.over = None if None in times else max(time for time in times if time is not None)
    mailed, due = place.mailed(), time.monotonic()
    place.visit()
    mail = _watch(place, due, OVER_WITHIN, {"mail": [lambda _: place.mailed() > mailed]})["mail"][0]
    for one in seen:
        one.mail = mail
    return seen


@dataclass
class _Said:
    """What the three places say now; `report` is empty where it was not asked."""

    place: Workplace
    status: int = 0
    answer: str = ""
    report: str = ""

    def log(self, begin: int) -> str:
        """What the worker has logged since that byte."""
        return self.place.worker.text(begin)


_Check = Callable[[_Said], bool]


def _logged(words: str, begin: int, said: _Said) -> bool:
    return words in said.log(begin)


def _answered(words: str, said: _Said) -> bool:
    return said.status == 503 and words in said.answer


def _no_longer_answered(words: str, said: _Said) -> bool:
    return said.status > 0 and words not in said.answer


def _reported(words: str, said: _Said) -> bool:
    return words in said.report


def _no_longer_reported(words: str, said: _Said) -> bool:
    return bool(said.report) and words not in said.report


def _watch(
    place: Workplace, begun: float, within: float, checks: Mapping[str, Sequence[_Check]]
) -> dict[str, list[float | None]]:
    """After how many seconds each check held; None for those that did not in time."""
    found: dict[str, list[float | None]] = {name: [None] * len(each) for name, each in checks.items()}
    next_report = 0.0
    while any(None in times for times in found.values()) and time.monotonic() - begun <= within:
        said = _Said(place)
        if None in found.get("readyz", ()):
            said.status, said.answer = readiness(place.port)
        if None in found.get("report", ()) and time.monotonic() >= next_report:
            next_report = time.monotonic() + _REPORT_EVERY
            said.report = place.command("report", "--json")
        for name, each in checks.items():
            for number, check in enumerate(each):
                if found[name][number] is None and check(said):
                    found[name][number] = time.monotonic() - begun
        _turn(place)
    return found


def _turn(place: Workplace) -> None:
    place.wake()
    time.sleep(_POLL)


# ---------------------------------------------------------------- the faults


def _break_rules(place: Workplace) -> None:
    (place.site.root / "campaigns" / "bad.yaml").write_text("campaigns: {bad: {on: visit.done, emial: x}}\n", "utf-8")


def _mend_rules(place: Workplace) -> None:
    (place.site.root / "campaigns" / "bad.yaml").unlink()


def _stop_mail(place: Workplace) -> None:
    place.stop_mail()
    place.visit()


def _fill(place: Workplace) -> None:
    """No byte is left, and the database has no room of its own to write into."""
    assert place.disk is not None
    file = str(place.site.engine.url.database)

    def full() -> bool:
        with suppress(sqlite3.OperationalError):
            connection = sqlite3.connect(file, timeout=5)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
        write_until_full(place.disk or Path(), "ballast")
        return write_fault(place.site.engine) is not None

    wait_for(full, "the disk is full", 30)


def write_until_full(folder: Path, name: str) -> None:
    """Writes into that file until no byte is left on its disk."""
    with (folder / name).open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while shutil.disk_usage(folder).free >= size and file.write(b"\0" * size) == size:
                    pass


def _empty(place: Workplace) -> None:
    assert place.disk is not None
    (place.disk / "ballast").unlink()


def _outdate(place: Workplace) -> None:
    """The database as it was before the last migration that creates tables, and a deployment of this version.

    What it and the migrations since then have added is removed as well, as far as it is columns and indexes.
    """
    files = sorted((Path(upgrade.__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
    last = max(file for file in files if "create_table" in file.read_text("utf-8"))
    with write(place.site.engine) as connection:
        for table in re.findall(r'create_table\(\s*"(\w+)"', last.read_text("utf-8")):
            connection.execute(text(f"DROP TABLE {table}"))
        for later in files[files.index(last) :]:
            for index in re.findall(r'create_index\(\s*"(\w+)"', later.read_text("utf-8")):
                connection.execute(text(f"DROP INDEX IF EXISTS {index}"))
            for table, column in re.findall(r'add_column\("(\w+)", sa\.Column\("(\w+)"', later.read_text("utf-8")):
                connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        before = files[files.index(last) - 1].name.partition("_")[0]
        connection.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": before})
    place.worker.restart()


def _upgrade(place: Workplace) -> None:
    told = place.command("db", "upgrade")
    assert "The database is at revision" in told, told


FAULTS = (
    Fault(
        "rule file faulty", _break_rules, _mend_rules, "the rule files are faulty", "the rules have",
        "rule files are faulty since", "the rule files are sound again",
    ),
    Fault(
        "mail server away", _stop_mail, Workplace.start_mail, "nothing is sent, for its mail server is away",
        "its mail server is away", "its mail server is away", "mail goes again by",
    ),
    Fault(
        "clock 90 s ahead", lambda place: place.clock.shift(90), lambda place: place.clock.shift(0),
        "this machine's clock is 90 s ahead of the database's", "the clock of a worker differs",
        "is 90 s ahead of the database's", "agree again",
    ),
    Fault(
        "database not upgraded", _outdate, _upgrade, "run `regulars db upgrade`", "run `regulars db upgrade`",
        "run `regulars db upgrade`", " ready.",
    ),
)  # fmt: skip
"""Those of a workspace on PostgreSQL."""
DISK_FULL = Fault(
    "disk full", _fill, _empty, "the database cannot be written", "the database cannot be written",
    "the database cannot be written", "the database can be written again",
)  # fmt: skip
