"""Checks that types cannot express: whether the parts of a rule fit each other and the rest of the folder.

Checks read the tree, not the models, so that they also report on a campaign with another fault.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import time, timedelta
from typing import Any

from regulars.core.calendar import SENTINELS
from regulars.core.clock import duration
from regulars.core.diagnostics import Severity, did_you_mean
from regulars.core.ids import SHARES
from regulars.rules import grammar, variant_checks
from regulars.rules.fields import CUSTOMER, EVENTS, FieldType
from regulars.rules.goal_checks import advise_on_goals, check_goals
from regulars.rules.model import SENDS, TRIGGERS, Campaign, Company, Kind, Policy, shape_faults
from regulars.rules.offer import BENEFITS, DAY_END, coupon_faults
from regulars.rules.rule_test_reader import campaign_steps, nested_steps, step_keys, undeclared_event, variant_names
from regulars.rules.sender import split
from regulars.rules.tree import Entries, Items, Loc, Node, Scalar, child, find
from regulars.rules.validation_messages import ValidationMessages, reworded

DATES = (FieldType.DATE, FieldType.INSTANT)
SMALLEST_GROUP = 50
"""Clients of the smaller group below which a comparison is left to chance: one of them is two points of its share."""


class RuleChecks:
    """All checks over one tree; they add to `complaints`."""

    def __init__(
        self,
        root: Entries,
        messages: ValidationMessages,
        events: Mapping[str, Any],
        fields: Mapping[str, FieldType],
        campaigns: Mapping[str, Campaign],
    ) -> None:
        self.root = root
        self.messages = messages
        self.add = messages.add
        self.events = {**EVENTS, **events}
        self.fields = {**CUSTOMER, **fields}
        self.campaigns = campaigns

    def check(self, company: Company | None, policy: Policy | None) -> None:
        """Runs them all."""
        self._company()
        window = policy.quiet_hours if policy else None
        if window is not None and window.start == window.end:
            self._warn("R102", "these quiet hours end when they begin: there are none", ("policy", "quiet_hours"))
        section = child(self.root, "campaigns")
        if not isinstance(section, Entries):
            return
        for name, entry in section.entries.items():
            if isinstance(entry.value, Entries):
                self._campaign(("campaigns", name), entry.value)
        self._former_names(section)
        for name, campaign in self.campaigns.items():
            self._advice(("campaigns", name), campaign)

    def _warn(self, code: str, message: str, loc: Loc, **more: Any) -> None:
        self.add(code, message, loc, severity=Severity.WARNING, **more)

    def _company(self) -> None:
        for key in ("from", "reply_to"):
            node = find(self.root, ("company", key))
            if not isinstance(node, Scalar) or node.null:
                continue
            try:
                split(node.text)
            except ValueError as error:
                self.add("R016", str(error), ("company", key), expected="a mailbox such as `Ana <ana@studio.example>`")
        for key in ("website", "logo"):
            node = find(self.root, ("company", key))
            if isinstance(node, Scalar) and not node.null and not re.match(r"https?://[^\s/]+\S*$", node.text):
                expected = "an address such as `https://studio.example`"
                self.add("R003", f"`{node.text}` is not a web address", ("company", key), expected=expected)

    def _campaign(self, loc: Loc, node: Entries) -> None:
        present = {key for key, entry in node.entries.items() if not _empty(entry.value)}
        variants = child(node, "variants")
        own_ways = [child(one, "steps") is not None for one in variants.items] if isinstance(variants, Items) else []
        for fault in shape_faults(present, own_ways):
            code = "R007" if "`schedule`;" in fault else "R008"
            keys = TRIGGERS if code == "R007" else SENDS
            have = [key for key in node.entries if key in present and key in keys]
            self.add(code, fault, (*loc, have[1]) if len(have) > 1 else loc, key=True)
        self._event((*loc, "on"), lambda text: text)
        self._event((*loc, "until"), lambda text: grammar.Until.parse(text).event)
        self._same_fields(loc)
        check_goals(self.root, self.messages, self.events, loc)
        self._every((*loc, "every"))
        self._set_dates((*loc, "at"))
        self._steps(loc, node)
        self._coupon((*loc, "offer", "coupon"))
        variant_checks.check(self.messages, loc, node)
        for index in range(len(variant_names(node))):
            self._coupon((*loc, "variants", index, "offer", "coupon"))

    def _event(self, loc: Loc, name_of: Callable[[str], str]) -> None:
        node = find(self.root, loc)
        if not isinstance(node, Scalar) or node.null:
            return
        try:
            name = name_of(node.text)
        except ValueError:
            return  # said already
        if name not in self.events and re.fullmatch(r"[a-z][\w.-]*", name):
            undeclared_event(self.messages, loc, name, self.events, node.text.find(name))

    def _same_fields(self, loc: Loc) -> None:
        """The fields by which `until` finds the event that ends this request."""
        place: Loc = (*loc, "until")
        node, on = find(self.root, place), find(self.root, (*loc, "on"))
        if not isinstance(node, Scalar) or node.null:
            return
        try:
            until = grammar.Until.parse(node.text)
        except ValueError:
            return
        if until.same and not isinstance(on, Scalar):
            message = "only where an event sets the campaign off is there something to be the same as"
            at = node.text.find("with")
            self.add("R031", message, place, part=node.part(at, len(node.text) - at), hint="add `on:`, or leave it out")
            return
        events = [event for event in ((on.text, until.event) if isinstance(on, Scalar) else ()) if event in self.events]
        for name in until.same:
            if not all(self._has_field(place, node, event, name) for event in events):  # said once is enough
                continue
            kinds = [str(self.events[event][name]) for event in events]
            if len(set(kinds)) == 2:
                fault = f"`{name}` is {kinds[0]} in `{events[0]}` and {kinds[1]} in `{events[1]}`"
                self.add("R031", fault, place, part=node.part(node.text.rfind(name), len(name)))

    def _has_field(self, place: Loc, node: Scalar, event: str, name: str) -> bool:
        known = self.events[event]
        if name in known:
            return True
        self.add(
            "R031",
            f"`{event}` has no field `{name}`",
            place,
            part=node.part(node.text.rfind(name), len(name)),
            expected="one of " + ", ".join(f"`{each}`" for each in sorted(known)) if known else None,
            hint=did_you_mean(name, known) or f"declare it under `events`: `{event}: {{{name}: text}}`",
        )
        return False

    def _every(self, loc: Loc) -> None:
        node = find(self.root, loc)
        if not isinstance(node, Scalar) or node.null:
            return
        try:
            every = grammar.Every.parse(node.text)
        except ValueError:
            return
        name = every.field
        if every.calendar is not None or self.fields.get(name) in DATES:
            return
        known = [each for each, kind in self.fields.items() if kind in DATES]
        what = f"is {_article(self.fields[name])}, not a date" if name in self.fields else "is not a field of clients"
        self.add(
            "R014",
            f"`customer.{name}` {what}",
            loc,
            part=node.part(node.text.find("customer.") + len("customer."), len(name)),
            expected="one of " + ", ".join(f"`{each}`" for each in sorted(known)),
            hint=did_you_mean(name, known),
        )

    def _set_dates(self, loc: Loc) -> None:
        node = find(self.root, loc)
        single = isinstance(node, Scalar)
        places: Iterable[tuple[Loc, Node]] = (
            [(loc, node)] if isinstance(node, Scalar) else
            [((*loc, i), item) for i, item in enumerate(node.items)] if isinstance(node, Items) else []
        )  # fmt: skip
        seen: Counter[str] = Counter()
        for place, item in places:
            if not isinstance(item, Scalar):
                continue
            try:
                when = grammar.moment(item.text)
            except ValueError:
                continue
            seen[when.isoformat()] += 1
            if when.date() in SENTINELS:
                message = f"`{item.text}` is what systems write for an unknown date"
                self.add("R017", message, place, expected="the day the email is to go")
            elif seen[when.isoformat()] > 1 and not single:
                self._warn("R106", f"`{item.text}` is there twice; the email goes once", place)

    def _steps(self, loc: Loc, node: Entries) -> None:
        for place, step in (*campaign_steps(node, loc), *nested_steps(find(node, ("waves",)), (*loc, "waves"))):
            self._event_times(place, node, step)
        waves = find(node, ("waves",))
        if isinstance(waves, Items):
            self._unique_keys((*loc, "waves"), waves)
        for index, wave in enumerate(waves.items[:-1] if isinstance(waves, Items) else ()):
            to = child(wave, "to")
            if isinstance(wave, Entries) and (to is None or _empty(to)):
                message = "a wave without `to` takes everybody, so nobody is left for those after it"
                hint = "say in `to` who belongs to it; only the last may go without"
                self.add("R032", message, (*loc, "waves", index, "email"), hint=hint)

    def _unique_keys(self, loc: Loc, steps: Items) -> None:
        seen: set[str] = set()
        for index, step in enumerate(steps.items):
            for key in step_keys(step):
                if key in seen:
                    place: Loc = (*loc, index, "id" if child(step, "id") else "email")
                    hint = "give each step an `id` of its own: the ledger keeps promises under it"
                    self.add("R009", f"two steps are named `{key}`", place, hint=hint)
                seen.add(key)

    def _event_times(self, loc: Loc, node: Entries, step: Node) -> None:
        """A time relative to the event, and the calendar file: whether the event has the fields they need."""
        at, attach, on = child(step, "at"), child(step, "attach"), child(node, "on")
        fields = self.events.get(on.text, {}) if isinstance(on, Scalar) and not on.null else None
        if isinstance(at, Scalar) and not at.null:
            wait = child(step, "wait")
            if isinstance(wait, Scalar) and not wait.null:
                hint = "`wait` counts from the step before, `at` from the event: keep one of them"
                self.add("R030", "a step with both `wait` and `at`", (*loc, "at"), key=True, hint=hint)
            with suppress(ValueError):  # said already
                self._instant((*loc, "at"), grammar.Timing.parse(at.text).field, fields, at)
        if isinstance(attach, Scalar) and not attach.null:
            self._instant((*loc, "attach"), "starts_at", fields, None)

    def _instant(self, loc: Loc, name: str, fields: Mapping[str, FieldType] | None, node: Scalar | None) -> None:
        if fields is None:
            message = f"`{loc[-1]}` speaks of an event, but none sets this campaign off"
            self.add("R030", message, loc, hint="give the campaign a trigger `on`, such as `on: visit.booked`")
        elif fields.get(name) is not FieldType.INSTANT:
            what = f"is {_article(fields[name])}" if name in fields else "is not declared"
            known = [each for each, kind in fields.items() if kind is FieldType.INSTANT]
            self.add(
                "R030",
                f"`{name}` of the event {what}",
                loc,
                part=node.part(node.text.find("event.") + len("event."), len(name)) if node else None,
                expected="an instant of the event: " + ", ".join(f"`{each}`" for each in known) if known else None,
                hint=did_you_mean(name, known) or f"declare it under the event: `{name}: instant`",
            )

    def _coupon(self, loc: Loc) -> None:
        node = find(self.root, loc)
        if not isinstance(node, Entries):
            return
        written = [key for key, entry in node.entries.items() if not _empty(entry.value)]
        given = [key for key in BENEFITS if key in written]
        if len(given) != 1:
            has = " and ".join(f"`{key}`" for key in given) or "none"
            message = f"a coupon gives exactly one of {', '.join(f'`{key}`' for key in BENEFITS)}; this has {has}"
            self.add("R010", message, (*loc, given[1]) if len(given) > 1 else loc, key=True)
        for key, fault in coupon_faults(written):
            self.add("R026", fault, (*loc, key), key=True)
        begins, ends = (find(node, (key,)) for key in ("from", "until"))
        if isinstance(begins, Scalar) and isinstance(ends, Scalar):
            with suppress(ValueError):  # said already
                if grammar.local_time(ends.text, DAY_END) <= grammar.local_time(begins.text, time()):
                    self.add("R027", f"the offer ends before it begins, on {begins.text}", (*loc, "until"))

    def _former_names(self, section: Entries) -> None:
        first: dict[str, str] = {}
        for name in section.entries:
            loc: Loc = ("campaigns", name, "was")
            was = find(self.root, loc)
            if not isinstance(was, Scalar) or was.null:
                continue
            if was.text in section.entries:
                own = "its own name" if was.text == name else "a campaign that still exists"
                hint = "`was` names what this campaign was called before; remove it"
                self.add("R015", f"`{was.text}` is {own}", loc, hint=hint)
            elif was.text in first:
                self.add("R015", f"`{first[was.text]}` says that it was `{was.text}` too", loc, hint="keep one of them")
            first.setdefault(was.text, name)

    def _advice(self, loc: Loc, campaign: Campaign) -> None:
        if campaign.holdout and campaign.kind is Kind.TRANSACTIONAL:
            message = "a transactional email is part of a service; a holdout keeps it from clients who count on it"
            self._warn("R101", message, (*loc, "holdout"))
        elif campaign.holdout and campaign.goal is None:
            message = "without a `goal` the holdout has nothing to measure"
            self._warn("R104", message, (*loc, "holdout"), hint="add one, such as `goal: purchase within 14 days`")
        self._reading(loc, campaign.holdout)
        advise_on_goals(self.messages, loc, campaign)
        deadline = duration(campaign.send.removeprefix("within")) if campaign.send else None
        if deadline is not None and deadline < timedelta(minutes=5):
            message = "less than five minutes leaves no time for a busy server; late emails are dropped"
            self._warn("R103", message, (*loc, "send"))
        if campaign.send is not None and campaign.late is not None:
            self._warn("R105", "`send` already says how late the email may go; `late` has no effect", (*loc, "late"))
        if campaign.canary and deadline is not None and campaign.canary.wait >= deadline:
            self._warn("R108", "the email would be too late for all who wait for the canary", (*loc, "canary"))

    def _reading(self, loc: Loc, holdout: grammar.Holdout) -> None:
        """A reading compares two groups; the smaller one determines its precision."""
        if not holdout or holdout.read_at is None:
            return
        smaller = min(holdout.share, SHARES - holdout.share)
        expected = holdout.read_at * smaller // SHARES
        if expected < SMALLEST_GROUP:
            message = f"of {holdout.read_at:,} clients about {expected:,} are in the smaller group: too few to compare"
            enough = -(-SMALLEST_GROUP * SHARES // smaller)
            self._warn("R107", message, (*loc, "holdout"), hint=f"such as `read at {enough}`, or more")


def surveys_exist(root: Entries, messages: ValidationMessages, campaigns: Iterable[str]) -> None:
    """Every survey that a campaign names is defined."""
    section = child(root, "surveys")
    known = list(section.entries) if isinstance(section, Entries) else []
    for name in campaigns:
        loc: Loc = ("campaigns", name, "survey")
        node = find(root, loc)
        if isinstance(node, Scalar) and not node.null and node.text not in known:
            messages.add(
                "R023",
                f"no survey is called `{node.text}`",
                loc,
                expected="one of " + ", ".join(f"`{each}`" for each in sorted(known)) if known else None,
                hint=did_you_mean(node.text, known),
            )


def calendars_exist(root: Entries, messages: ValidationMessages, campaigns: Mapping[str, Campaign]) -> None:
    """Every calendar day of a campaign is defined."""
    section = child(root, "calendars")
    known = list(section.entries) if isinstance(section, Entries) else []
    for name, campaign in campaigns.items():
        day = campaign.every.calendar if campaign.every else None
        loc: Loc = ("campaigns", name, "every")
        node = find(root, loc)
        if day is not None and day not in known and isinstance(node, Scalar):
            messages.add(
                "R033",
                f"no day of the calendar is called `{day}`",
                loc,
                part=node.part(node.text.find(day), len(day)),
                expected="one of " + ", ".join(f"`{each}`" for each in sorted(known)) if known else None,
                hint=did_you_mean(day, known) or f"write it: `calendars: {{{day}: 1 january}}`",
            )


def topics_exist(root: Entries, messages: ValidationMessages, campaigns: Iterable[str]) -> None:
    """If topics have names, every topic of a campaign has one."""
    section = child(root, "topics")
    if not isinstance(section, Entries):
        return
    known = sorted({*section.entries, "marketing"})
    for name in campaigns:
        loc: Loc = ("campaigns", name, "topic")
        node = find(root, loc)
        if isinstance(node, Scalar) and not node.null and node.text not in known:
            messages.add(
                "R024",
                f"there is no topic `{node.text}`",
                loc,
                expected="one of " + ", ".join(f"`{each}`" for each in known),
                hint=did_you_mean(node.text, known) or f"name it: `topics: {{{node.text}: What clients read}}`",
            )


def levels_differ(root: Entries, messages: ValidationMessages) -> None:
    """Every level of points has a valid name and a number of its own."""
    levels = find(root, ("points", "levels"))
    seen: dict[str, str] = {}
    for name, entry in levels.entries.items() if isinstance(levels, Entries) else ():
        loc: Loc = ("points", "levels", name)
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            better = reworded(name)
            messages.add(
                "R006",
                f"`{name}` cannot be the name of a level",
                loc,
                key=True,
                expected="small letters, digits and hyphens, beginning with a letter, such as `gold`",
                hint=f"write `{better}`" if better else None,
            )
        least = entry.value.text if isinstance(entry.value, Scalar) else ""
        if least.isdigit() and least in seen:
            messages.add("R025", f"`{name}` begins with as many points as `{seen[least]}`", loc)
        seen.setdefault(least, name)


def _empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.null


def _article(kind: FieldType) -> str:
    words = {"text": "text", "number": "a number", "bool": "yes or no", "list": "a list", "date": "a date"}
    return words.get(kind, "an instant")
