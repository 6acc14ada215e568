"""What past days would have been: by these rules, by other rules, and as they really were."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine

from regulars.context.plan_context import Ruleset
from regulars.db.states import State
from regulars.simulation.replay.email_store import AGAINST, BY_RULES, REAL, BusyClient, EmailStore, SentEmail
from regulars.simulation.replay.known_history import Copied, copy_history
from regulars.simulation.replay.past_days import GuardAlarm, Lived, PastDays
from regulars.simulation.replay.scratch_file import scratch_engine, scratch_folder

BUSIEST = 20
"""Clients in a list."""
_ASSUMPTIONS = (
    "Every email is accepted by the server, and no template fails.",
    "What clients did is what they really did then; emails that they would have got change nothing in it.",
    "Fields of clients, products, learned values and the stock of coupons are those of today.",
    "Pauses by hand are left out; where a guard would have stopped a campaign, somebody resumes it at once.",
)
WEEK, MONTH = timedelta(days=7), timedelta(days=30)
Progress = Callable[[str, float], None]
"""Called with what is being done, and which part of all is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class CampaignRun:
    """One campaign in a run: emails, clients who get them, and what did not go, by reason."""

    name: str
    emails: int
    clients: int
    capped: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One way in which the days went. `fullest` has, by span in days, how many clients get at most so many in one."""

    words: str
    emails: int
    clients: int
    campaigns: Sequence[CampaignRun]
    days: Mapping[str, Mapping[date, int]]
    fullest: Mapping[int, Mapping[int, int]]
    busiest: Sequence[BusyClient]
    alarms: Sequence[GuardAlarm] = ()
    plans: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data; keys are only ever added."""
        return {
            "words": self.words, "emails": self.emails, "clients": self.clients, "plans": self.plans,
            "seconds": round(self.seconds, 1),
            "campaigns": {
                one.name: {
                    "emails": one.emails, "clients": one.clients, "capped": one.capped,
                    "skipped": dict(one.skipped), "held_at_the_end": dict(one.held),
                }
                for one in self.campaigns
            },
            "days": {name: {day.isoformat(): n for day, n in days.items()} for name, days in self.days.items()},
            "fullest": {str(span): {str(n): c for n, c in counts.items()} for span, counts in self.fullest.items()},
            "busiest": [
                {
                    "client": one.client, "emails": one.emails, "in_7_days": one.in_week, "in_30_days": one.in_month,
                    "campaigns": dict(one.campaigns),
                }
                for one in self.busiest
            ],
            "alarms": [{"at": a.at.isoformat(), "campaign": a.campaign, "why": a.why} for a in self.alarms],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shifted:
    """One campaign: emails gained and lost, and the clients who gain and who lose one."""

    name: str
    gained: int
    lost: int
    clients_gaining: int
    clients_losing: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a run has more and less than another. `clients` are those for whom most changes: id, gained, lost."""

    other: str
    campaigns: Sequence[Shifted]
    clients: Sequence[tuple[str, int, int]]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data; keys are only ever added."""
        return {
            "with": self.other,
            "campaigns": {
                one.name: {
                    "gained": one.gained, "lost": one.lost, "clients_gaining": one.clients_gaining,
                    "clients_losing": one.clients_losing,
                }
                for one in self.campaigns
            },
            "clients": [{"client": name, "gained": more, "lost": less} for name, more, less in self.clients],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replayed:
    """A report on past days."""

    since: datetime
    until: datetime
    zone: str
    copied: Copied
    runs: Mapping[str, Run]
    """By the names of `email_store`; the real one is always there."""
    comparisons: Sequence[Comparison]
    assumptions: Sequence[str] = _ASSUMPTIONS

    def to_json(self) -> dict[str, Any]:
        """The published shape of `simulate --json`; keys are only ever added."""
        return {
            "from": self.since.isoformat(), "to": self.until.isoformat(), "clients": self.copied.clients,
            "history": self.copied.history_rows, "history_imported_later": self.copied.imported,
            "runs": {name: run.to_json() for name, run in self.runs.items()},
            "comparisons": [one.to_json() for one in self.comparisons],
            "assumptions": list(self.assumptions),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class NamedRules:
    """Rules, and what they are in words."""

    rules: Ruleset
    words: str


class Replay:
    """Simulates the days from `since` to `until`; leaves no trace in the real database. Use it in a `with`."""

    def __init__(
        self, real: Engine, rules: NamedRules, since: datetime, until: datetime, *,
        against: NamedRules | None = None, progress: Progress = lambda _, __: None,
    ) -> None:  # fmt: skip
        self._real, self._since, self._until, self._progress = real, since, until, progress
        self._sides = {BY_RULES: rules, **({AGAINST: against} if against is not None else {})}
        self._zone = rules.rules.rulebook.company.timezone
        self._names: dict[str, str] = {}
        self._opened = ExitStack()
        self._store: EmailStore

    def __enter__(self) -> Self:
        self._folder = self._opened.enter_context(scratch_folder())
        self._store = EmailStore(self._folder / "emails.sqlite", self._since, self._until, self._zone)
        self._opened.callback(self._store.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def run(self, busiest: int = BUSIEST) -> Replayed:
        """Copies the history, lives through the days by each set of rules, and counts."""
        base = self._folder / "history.sqlite"
        with scratch_engine(base) as engine:
            copied = copy_history(self._real, engine, self._since, lambda what: self._progress(f"Copying {what}", 0.0))
        self._store.add_real(base)
        self._name_campaigns(base)
        lived: dict[str, tuple[Lived, float]] = {}
        for place, name in enumerate(reversed(self._sides)):
            lived[name] = self._run_rules(base, name, place, last=place == len(self._sides) - 1)
        runs = {REAL: self._counted(REAL, "really sent", Lived(), 0.0, busiest)}
        for name, side in self._sides.items():
            runs[name] = self._counted(name, side.words, *lived[name], busiest)
        others = [(REAL, "what was really sent")] if runs[REAL].emails else []
        if AGAINST in self._sides:
            others.append((AGAINST, self._sides[AGAINST].words))
        comparisons = [self._compared(name, words, busiest) for name, words in others]
        return Replayed(self._since, self._until, self._zone, copied, runs, comparisons)

    def emails(self) -> Iterator[SentEmail]:
        """Every email of every run, with the present name of its campaign; read as it is used."""
        for run in (REAL, *self._sides):
            for one in self._store.rows(run):
                yield SentEmail(run, self._name(one.campaign), one.step, one.client, one.at, one.day)

    # ---------------------------------------------------------------- one set of rules

    def _run_rules(self, base: Path, name: str, place: int, *, last: bool) -> tuple[Lived, float]:
        path = base if last else base.with_name(f"{name}.sqlite")
        if not last:
            shutil.copyfile(base, path)
        begun, side = time.monotonic(), self._sides[name]
        whole = (self._until - self._since) / timedelta(seconds=1) or 1.0

        def lived_to(moment: datetime) -> None:
            part = (moment - self._since) / timedelta(seconds=1) / whole
            self._progress(f"{side.words}: {moment:%Y-%m-%d}", (place + min(part, 1.0)) / len(self._sides))

        with scratch_engine(path) as engine:
            lived = PastDays(engine, side.rules, self._since, self._until).run(lived_to)
        self._store.add_run(name, path)
        self._name_campaigns(path)
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        return lived, time.monotonic() - begun

    def _name_campaigns(self, path: Path) -> None:
        with scratch_engine(path) as engine, engine.connect() as connection:
            rows = connection.exec_driver_sql('SELECT "key", name FROM campaigns')
            self._names.update({str(key): str(name) for key, name in rows})

    def _name(self, key: str) -> str:
        return self._names.get(key, key)

    # ---------------------------------------------------------------- numbers

    def _counted(self, run: str, words: str, lived: Lived, seconds: float, busiest: int) -> Run:
        store = self._store
        sums, capped, outcomes = store.by_campaign(run), store.capped(run), store.outcomes(run)
        keys = sorted({*sums, *capped, *outcomes}, key=lambda key: (-sums.get(key, (0, 0))[0], self._name(key)))
        campaigns = [
            CampaignRun(
                self._name(key), *sums.get(key, (0, 0)), capped.get(key, 0),
                outcomes.get(key, {}).get(State.SKIPPED, {}), outcomes.get(key, {}).get(State.HELD, {}),
            )
            for key in keys
        ]  # fmt: skip
        by_day = {self._name(key): days for key, days in store.by_day(run).items()}
        fullest = {span.days: store.fullest(run, span) for span in (WEEK, MONTH)}
        found = [
            BusyClient(
                one.client, one.emails, one.in_week, one.in_month,
                {self._name(key): number for key, number in one.campaigns.items()},
            )
            for one in store.busiest(run, busiest)
        ]  # fmt: skip
        return Run(
            words, sum(one.emails for one in campaigns), store.clients(run), campaigns, by_day, fullest, found,
            lived.alarms, lived.plans, seconds,
        )  # fmt: skip

    def _compared(self, other: str, words: str, count: int) -> Comparison:
        shifts = self._store.shifts(BY_RULES, other)
        campaigns = [Shifted(self._name(key), *numbers) for key, numbers in shifts.items()]
        return Comparison(words, campaigns, self._store.shifted_clients(BY_RULES, other, count))
