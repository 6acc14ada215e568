"""Runs the tests of rule files: compares the emails of the test's day with what the author expects.

Decisions on the local day of `on`, up to its time, count. Campaigns that `expect` does not name are not
checked. `*` and `?` in a pattern stand for any text and any letter; capitals count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from fnmatch import fnmatchcase

from sqlalchemy import Engine

from regulars.audience.clause_words import when
from regulars.context.statement_cache import StatementCache
from regulars.core.diagnostics import nearest
from regulars.core.errors import NotFound
from regulars.db.engine import read, write
from regulars.db.states import State
from regulars.delivery.parcel import Parcel
from regulars.dispatch.dispatcher import Rules
from regulars.explain import queries
from regulars.explain.explain import explain
from regulars.explain.sentences import because
from regulars.ledger.arms import arm_of_client
from regulars.rules.model import Expectation, RuleTest
from regulars.simulation import scene
from regulars.simulation.scene import CLIENT, Scene
from regulars.simulation.timeline import Timeline
from regulars.triggers.explained import Row

Progress = Callable[[int, int, "TrialResult"], None]
"""Called after each test with its number from 1, the total, and its result."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One email of the test's day."""

    campaign: str
    step: str
    at: datetime
    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The result of a test; each failure is a sentence with what was expected, what was found, and why."""

    test: RuleTest
    failures: Sequence[str]
    sent: Sequence[Sent]

    @property
    def passed(self) -> bool:
        """Whether there are no failures."""
        return not self.failures


def run_trials(
    workspace: Rules, names: Sequence[str] | None = None, progress: Progress | None = None,
    engine: Engine | None = None,
) -> list[TrialResult]:  # fmt: skip
    """Runs the tests of the workspace, or those whose name matches one of `names` (patterns with `*`).

    `engine` is a reusable scratch database (`scene.scratch`); by default one is created.
    Raises NotFound for a name that matches no test.
    """
    tests = workspace.rulebook.tests
    for name in names or ():
        if not any(matches(test.name, name) for test in tests):
            raise NotFound("test", name, nearest(name, [test.name for test in tests]))
    chosen = [test for test in tests if names is None or any(matches(test.name, name) for name in names)]
    results: list[TrialResult] = []
    used, cache = engine or scene.scratch(), StatementCache()
    try:
        for test in chosen:
            results.append(run_trial(used, workspace, test, cache))
            if progress is not None:
                progress(len(results), len(chosen), results[-1])
    finally:
        if engine is None:
            used.dispose()
    return results


def run_trial(engine: Engine, workspace: Rules, test: RuleTest, cache: StatementCache | None = None) -> TrialResult:
    """Runs one test in a scratch database, which is emptied first.

    `cache` keeps the planner's statements for the next test; it is for one database and one company and policy.
    """
    with write(engine) as connection:
        scene.clear(connection)
    stage = Scene.of(test, workspace.rulebook)
    timeline = Timeline(engine, workspace, stage, cache or StatementCache())
    timeline.run()
    with read(engine) as connection:
        rows = queries.rows(connection, CLIENT)
    verdict = Verdict(engine, workspace, stage, rows, list(_sent(rows, timeline.transport.accepted, stage)))
    failures = [failure for name, expected in test.expect.items() for failure in verdict.failures(name, expected)]
    return TrialResult(test, failures, verdict.sent)


def matches(text: str, pattern: str) -> bool:
    """Whether the text fits the pattern as a whole; only `*` and `?` are special."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _sent(rows: Sequence[Row], kept: Sequence[tuple[datetime, Parcel]], stage: Scene) -> Iterator[Sent]:
    by_id = {row.id: row for row in rows}
    for at, parcel in kept:
        if stage.day_begins <= at <= stage.until:
            row = by_id[parcel.key]
            message = message_from_bytes(parcel.data, policy=policy.default)
            assert isinstance(message, EmailMessage)
            part = message.get_body(("plain",))
            text = part.get_content() if part is not None else ""
            yield Sent(row.campaign, row.step, at, parcel.recipients[0], str(message["Subject"]), text)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a test's day, and what is needed to explain it."""

    engine: Engine
    workspace: Rules
    stage: Scene
    rows: Sequence[Row]
    sent: Sequence[Sent]

    def failures(self, name: str, expected: Expectation | str) -> list[str]:
        """The failed expectations of one campaign; empty when all are met."""
        sent_emails = [sent for sent in self.sent if sent.campaign == name]
        if isinstance(expected, str):
            return [f"{name}: expected nothing, but {self._was_sent(sent)}" for sent in sent_emails]
        if expected.model_fields_set == {"outranks"}:
            return self._rank(name, expected)
        if expected.goal is not None:
            return self._goal(name, expected.goal)
        if expected.reason is not None:
            return self._reason(name, expected, sent_emails)
        if expected.step is not None:
            sent_emails = [sent for sent in sent_emails if sent.step == expected.step] or sent_emails
        if not sent_emails:
            return [f"{name}: expected an email, but none was sent: {self._why(name)}"]
        # Of several emails one must match; the failures are those of the closest.
        found = min((self._unlike(sent, expected) for sent in sent_emails), key=len)
        return [*found, *self._variant(name, expected), *self._coupon(name, expected), *self._rank(name, expected)]

    def _unlike(self, sent: Sent, expected: Expectation) -> list[str]:
        found: list[str] = []
        if expected.step is not None and sent.step != expected.step:
            found.append(f"{sent.campaign}: expected the step `{expected.step}`, but {self._was_sent(sent)}")
        if expected.subject is not None and not matches(sent.subject, expected.subject):
            found.append(f"{sent.campaign}: expected the subject `{expected.subject}`, but it is `{sent.subject}`")
        if expected.contains is not None and _spaced(expected.contains) not in _spaced(sent.text):
            found.append(
                f"{sent.campaign}: expected `{expected.contains}` in the text of `{sent.step}`, but it says:"
                f" {_spaced(sent.text)[:300]}"
            )
        return found

    def _reason(self, name: str, expected: Expectation, sent_emails: Sequence[Sent]) -> list[str]:
        decided = [row for row in self.rows if row.campaign == name and self._today(row)]
        fitting = [row for row in decided if expected.step in (None, row.step)]
        named = [row for row in fitting if row.reason == expected.reason]
        if any(expected.winner in (None, row.detail) for row in named):
            return self._rank(name, expected)
        if named:
            return [f"{name}: expected that `{expected.winner}` goes instead, but `{named[-1].detail}` does"]
        head = f"{name}: expected no email because of `{expected.reason}`, but"
        if sent_emails:
            return [f"{head} {self._was_sent(sent_emails[-1])}"]
        if fitting:
            row = fitting[-1]
            return [f"{head} `{row.step}` was {row.state} because of `{row.reason}`: {because(row.reason, row.detail)}"]
        return [f"{head} nothing was decided that day: {self._why(name)}"]

    def _goal(self, name: str, expected: str) -> list[str]:
        rulebook = self.workspace.rulebook
        goal = rulebook.campaigns[name].goal
        if goal is None:
            return [f"{name}: expected that its goal is {expected}, but it has none"]
        with read(self.engine) as connection:
            written = queries.goal_reached(connection, rulebook, name, goal, self.stage.until)
        if not written.clients:
            return [f"{name}: expected that its goal is {expected}, but no email went `{goal}` ago or earlier"]
        found = "met" if written.reached else "missed"
        return [] if found == expected else [f"{name}: expected that its goal is {expected}, but `{goal}` was {found}"]

    def _coupon(self, name: str, expected: Expectation) -> list[str]:
        if expected.coupon is None:
            return []
        with read(self.engine) as connection:
            given = queries.coupon(connection, name, CLIENT) or {}
        return [
            f"{name}: expected a coupon with `{key}: {value}`, but it has `{given.get(key)}`"
            for key, value in expected.coupon.named.items()
            if str(given.get(key)) != str(value)
        ]

    def _variant(self, name: str, expected: Expectation) -> list[str]:
        if expected.variant is None:
            return []
        with read(self.engine) as connection:
            arm, drawn_at = arm_of_client(connection, name, self.workspace.rulebook.campaigns[name], CLIENT)
        got = f"it is `{arm}`" if drawn_at is not None else "no variant was drawn"
        return [] if arm == expected.variant and drawn_at else [f"{name}: expected `{expected.variant}`, but {got}"]

    def _rank(self, name: str, expected: Expectation) -> list[str]:
        """Whether the campaign has priority over those it outranks; ties go by name, as in the cap."""
        order = [campaign.name for campaign in self.workspace.rulebook.by_priority]
        wrong = [other for other in expected.outranks if order.index(name) > order.index(other)]
        return [f"{name}: expected that it goes before `{other}`, but `{other}` goes first" for other in wrong]

    def _today(self, row: Row) -> bool:
        """Skipped on the day, or held at its end."""
        if row.state == State.HELD:
            return True
        return row.settled_at is not None and self.stage.day_begins <= row.settled_at <= self.stage.until

    def _was_sent(self, sent: Sent) -> str:
        return f"`{sent.step}` was sent at {when(sent.at, self.stage.zone)} with the subject `{sent.subject}`"

    def _why(self, name: str) -> str:
        """Why the campaign sent nothing, with the conditions that are not true as they are written."""
        client = str(self.stage.test.customer.get("external_id") or "client")
        view = explain(self.engine, self.workspace, client, name, self.stage.until).campaigns[0]
        false = [f"`{clause.text}` is not true" for clause in view.clauses.values() if clause.value is not True]
        return " ".join([view.sentence, *(f"({one})" for one in false)])


def _spaced(text: str) -> str:
    """The text with every stretch of white space as one space."""
    return " ".join(text.split())
