"""What another version of the rules would change: its parts, and the clients who gain, lose or get another email.

Both versions are planned and sent dry by the real code, each in a transaction that is undone, from the same state of
the database at the same instant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from regulars.context.active_campaign import load_active_campaigns
from regulars.core.email_names import email_folder
from regulars.db import engine as db
from regulars.planner.moves import Move
from regulars.rules.guard_in_force import without_volume_guards
from regulars.rules.model import Rulebook
from regulars.simulation.ledger_queries import Email
from regulars.simulation.plan_ahead import last_instant
from regulars.simulation.simulated_days import Simulation
from regulars.workspace.folder import Workspace
from regulars.workspace.normal_form import PartChange, changes

Progress = Callable[[datetime], None]
_Key = tuple[str, str, str]
"""An email: the campaign's key, the step, and the client's outside id."""
_Locales = Mapping[str, tuple[str | None, str | None]]
"""By outside id, the languages of the client and of their manager."""
_Contents = dict[tuple[str, str | None], tuple[Any, ...]]
"""By step and variant, what decides about the email."""
_Arms = Mapping[tuple[str, str], str | None]
"""By campaign key and outside id, the group of the campaign's experiment."""


@dataclass(frozen=True, slots=True)
class ClientChanges:
    """One campaign: who gains an email, who loses one, who gets another one in its place (outside ids, sorted).

    A client is listed once for every email.
    """

    gains: Sequence[str] = ()
    losses: Sequence[str] = ()
    other: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class VersionDifference:
    """`parts` differ; `campaigns` has, by name, what that means for clients from `now` until `until`."""

    now: datetime
    until: datetime
    parts: Sequence[PartChange]
    campaigns: Mapping[str, ClientChanges] = field(default_factory=dict)
    moves: Sequence[tuple[str, Move]] = ()
    """Clients in the middle of a sequence who go on with another step, by campaign."""
    in_flight: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By campaign and decision, how many clients wait there under the new version."""

    @property
    def reached(self) -> frozenset[str]:
        """The clients who gain an email or get another one."""
        return frozenset(name for one in self.campaigns.values() for name in (*one.gains, *one.other))

    @property
    def changed_campaigns(self) -> list[str]:
        """The names of the campaigns that are added, removed, renamed or changed."""
        return [part.name for part in self.parts if part.kind == "campaign"]

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Campaign, client and effect (gains, loses, gets another) of everybody concerned."""
        for name, one in self.campaigns.items():
            for effect, clients in (("gains", one.gains), ("loses", one.losses), ("gets another", one.other)):
                yield from ((name, client, effect) for client in clients)

    def to_json(self) -> dict[str, Any]:
        """The published shape of `diff --json`; keys are only ever added."""
        return {
            "now": self.now.isoformat(),
            "until": self.until.isoformat(),
            "parts": [part.to_json() for part in self.parts],
            "reached": len(self.reached),
            "campaigns": {
                name: {"gains": list(one.gains), "losses": list(one.losses), "other": list(one.other)}
                for name, one in self.campaigns.items()
            },
            "moves": [{"campaign": name, **move.to_json()} for name, move in self.moves],
            "in_flight": {name: dict(steps) for name, steps in self.in_flight.items()},
        }


def difference(
    engine: Engine, old: Workspace | None, new: Workspace, now: datetime, days: int, progress: Progress | None = None
) -> VersionDifference:
    """What `new` changes against `old` up to the end of `days` local days, today included; 0: at `now` only.

    Without an old version everything is gained. Leaves no trace.
    """
    parts = changes(old, new)
    until = last_instant(new, now, days)
    if not parts:
        return VersionDifference(now, until, parts)
    before: Counter[_Key] = Counter()
    sent: Sequence[Email] = ()
    old_names: dict[str, str] = {}
    if old is not None:
        simulated, old_names = _simulated(engine, old, now, until, progress)
        sent = simulated.emails
        before = _counted(sent)
    made, names = _simulated(engine, new, now, until, progress)
    going = made.emails
    after, other = _counted(going), Counter[_Key]()
    if old is not None:
        locales = {email.customer: (email.locale, email.manager_locale) for email in going}
        arms = [{(one.campaign, one.customer): one.arm for one in side} for side in (sent, going)]
        differs = _OtherEmails(old, new, names, locales, arms)
        other = Counter({key: count for key, count in (before & after).items() if differs(key)})
    found = _by_campaign(after - before, before - after, other, {**old_names, **names})
    return VersionDifference(now, until, parts, found, made.moves, made.in_flight)


def _simulated(
    engine: Engine, rules: Workspace, now: datetime, until: datetime, progress: Progress | None
) -> tuple[Simulation, dict[str, str]]:
    """What is sent and who is moved, and the names of campaigns by their keys.

    Guards of volume do not fire: what is approved here is what they will compare with.
    """
    rules = replace(rules, rulebook=without_volume_guards(rules.rulebook))
    with db.dry_run(engine) as connection:
        simulation = Simulation(connection, rules, now, until)
        simulation.run(progress)
        active = load_active_campaigns(connection, rules.rulebook)
        names = {key: one.campaign.name for key, one in active.items()}
        return simulation, names


def _counted(emails: Sequence[Email]) -> Counter[_Key]:
    return Counter((one.campaign, one.step, one.customer) for one in emails)


class _OtherEmails:
    """Tells whether an email that goes by both versions is another one: other words, sender or offer."""

    def __init__(
        self, old: Workspace, new: Workspace, names: Mapping[str, str], locales: _Locales, arms: Sequence[_Arms]
    ) -> None:
        self._old, self._new, self._locales, self._arms = old, new, locales, arms
        self._all = old.rulebook.company != new.rulebook.company
        former = _names_in(old.rulebook, new.rulebook, names)
        self._before = {key: _contents(old.rulebook, name) for key, name in former.items()}
        self._after = {key: _contents(new.rulebook, name) for key, name in names.items()}
        self._texts: dict[tuple[str, str, str | None], bool] = {}

    def __call__(self, key: _Key) -> bool:
        campaign, step, customer = key
        one, other = (
            _content(side.get(campaign, {}), step, arms.get((campaign, customer)))
            for side, arms in zip((self._before, self._after), self._arms, strict=True)
        )
        if self._all or one is None or other is None or one[1:] != other[1:]:
            return True
        to_manager = one[1]["to"] == "manager"
        return self._other_text(one[0], other[0], self._locales.get(customer, (None, None))[to_manager])

    def _other_text(self, former: str, email: str, locale: str | None) -> bool:
        """Whether a reader of this language gets another text."""
        key = (former, email, locale)
        if key not in self._texts:
            made = [
                side.templates.compiled(name, locale).digest for side, name in ((self._old, former), (self._new, email))
            ]
            self._texts[key] = email_folder(former) != email_folder(email) or made[0] != made[1]
        return self._texts[key]


def _content(contents: _Contents, step: str, arm: str | None) -> tuple[Any, ...] | None:
    """The content of a step for a client of this group; of a variant that is no more, the campaign's own."""
    return contents.get((step, arm)) or contents.get((step, None))


def _contents(book: Rulebook, name: str) -> _Contents:
    """By step and variant what decides about the email: its name, sender, offer and attachment."""
    campaign = book.campaigns.get(name)
    found: _Contents = {}
    for form in campaign.forms if campaign is not None else ():
        shared = form.model_dump(include={"sender", "offer", "reply_to", "to", "topic", "kind"}, mode="json")
        for step in form.all_steps:
            attached = step.model_dump(include={"sender", "attach"}, mode="json")
            found[step.key, form.variant] = (step.email, shared, attached)
    return found


def _names_in(old: Rulebook, new: Rulebook, names: Mapping[str, str]) -> dict[str, str]:
    """The names in the old version of campaigns by their keys: another where it was renamed."""
    by_digest = {old.digest(campaign): name for name, campaign in old.campaigns.items()}
    found: dict[str, str] = {}
    for key, name in names.items():
        campaign = new.campaigns[name]
        was = campaign.was if campaign.was in old.campaigns else by_digest.get(new.digest(campaign))
        found[key] = name if name in old.campaigns or was is None else was
    return found


def _by_campaign(
    gains: Counter[_Key], losses: Counter[_Key], other: Counter[_Key], names: Mapping[str, str]
) -> dict[str, ClientChanges]:
    """By name, in alphabetical order; campaigns for which nobody gains or loses anything are left out."""
    sides = {"gains": gains, "losses": losses, "other": other}
    found: dict[str, dict[str, list[str]]] = {}
    for side, emails in sides.items():
        for (campaign, _, customer), count in emails.items():
            name = names.get(campaign, campaign)
            found.setdefault(name, {}).setdefault(side, []).extend([customer] * count)
    return {
        name: ClientChanges(*(tuple(sorted(lists.get(side, ()))) for side in sides))
        for name, lists in sorted(found.items())
    }
