"""Random sequences with branches, random histories, and a plain model that walks one client through, hour by hour."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from regulars.core import ids
from regulars.db.engine import write
from regulars.ledger.arms import variant_by_bucket
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event, add_purchase
from tests.common.rules import rules

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BEGIN = at("2026-06-01T00:00")
Steps = list[Any]


Rule = dict[str, Any]
"""`steps`, and perhaps `variants`, some of them with `steps` of their own."""


def random_rule(dice: random.Random) -> Rule:
    """The steps of a campaign as in a rule file; their names are unique, each list has an email."""
    numbers = iter(range(1000))
    rule: Rule = {"steps": _whole(dice, numbers)}
    if dice.random() < 0.5:
        variants: list[Any] = [{"name": f"v{number}"} for number in range(dice.randint(2, 3))]
        for variant in variants[dice.randint(0, 1) :]:
            variant["steps"] = _whole(dice, numbers)
        rule["variants"] = variants
        if all("steps" in variant for variant in variants) and dice.random() < 0.5:
            rule["steps"] = []
    return rule


def way_of(rule: Rule, client: str) -> Steps:
    """The steps that the client goes: those of their variant, else those of the campaign."""
    if not rule.get("variants"):
        return list(rule["steps"])
    drawn = variant_by_bucket(ids.bucket(client), "seq", rules(campaigns(rule)).rulebook.campaigns["seq"])
    own = next(one for one in rule["variants"] if one["name"] == drawn)
    return list(own.get("steps") or rule["steps"])


def _whole(dice: random.Random, numbers: Iterator[int]) -> Steps:
    found = _steps(dice, numbers, 0)
    return found if "email" in str(found) else [*found, {"email": f"last{next(numbers)}", "wait": "0 hours"}]


def _steps(dice: random.Random, numbers: Iterator[int], depth: int) -> Steps:
    found: Steps = []
    for _ in range(dice.randint(2, 4) if depth == 0 else dice.randint(0, 2)):
        number = next(numbers)
        kind = dice.choice(["email", "email", "wait", "choose"]) if depth < 2 else "email"
        if kind == "email":
            email: dict[str, Any] = {"email": f"e{number}", "wait": f"{dice.choice([0, 1, 5, 11])} hours"}
            if dice.random() < 0.2:
                email["if"] = f"customer.purchases >= {dice.randint(0, 3)}"
            found.append(email)
        elif kind == "wait":
            event = dice.choice(["purchase", "complaint.opened"])
            found.append({
                "id": f"w{number}", "wait_for": f"{event} within {dice.choice([1, 4, 9, 20])} hours",
                "then": _steps(dice, numbers, depth + 1), "else": _steps(dice, numbers, depth + 1),
            })  # fmt: skip
        else:
            branches: Steps = [
                {"id": f"b{next(numbers)}", "if": f"customer.purchases >= {dice.randint(0, 4)}",
                 "steps": _steps(dice, numbers, depth + 1)}
                for _ in range(dice.randint(1, 2))
            ]  # fmt: skip
            if dice.random() < 0.6:
                branches.append({"id": f"b{next(numbers)}", "steps": _steps(dice, numbers, depth + 1)})
            found.append({"id": f"c{number}", "choose": branches, "wait": f"{dice.choice([0, 0, 3])} hours"})
    if depth and dice.random() < 0.15:
        found.append("exit")
    return found


@dataclass
class Happening:
    """One event of a client: when it happened, and when the database heard of it."""

    name: str
    at: datetime
    known: datetime


@dataclass
class Client:
    """A client of the model: where they stand, and from which instant the next wait counts."""

    name: str
    history: list[Happening]
    rest: Steps | None = None
    since: datetime = BEGIN
    emails: list[tuple[datetime, str]] = field(default_factory=list)

    def walk(self, steps: Steps, now: datetime) -> None:
        """Goes as far as the client can go at `now`; at most one email, because the next one follows its sending."""
        known = [one for one in self.history if one.known <= now and one.at <= now]
        if self.rest is None:
            entered = next((one for one in known if one.name == "visit.done"), None)
            if entered is None:
                return
            self.rest, self.since = list(steps), entered.at
        while self.rest:
            step, *behind = self.rest
            if step == "exit":
                self.rest = []
            elif "email" in step:
                if self.since + _hours(step["wait"]) <= now:
                    if "if" not in step or self._holds(step["if"], known):
                        self.emails.append((now, step["email"]))
                    self.rest, self.since = behind, now
                return
            elif "wait_for" in step:
                if not self._waited(step, behind, known, now):
                    return
            elif self.since + _hours(step["wait"]) <= now:
                self.since += _hours(step["wait"])
                branch: dict[str, Any] = next(
                    (one for one in step["choose"] if self._holds(one.get("if"), known)), {"steps": []}
                )
                self.rest = [*branch["steps"], *behind]
            else:
                return

    def _waited(self, step: dict[str, Any], behind: Steps, known: list[Happening], now: datetime) -> bool:
        event, _, limit = step["wait_for"].partition(" within ")
        until = self.since + _hours(limit)
        came = sorted(one.at for one in known if one.name == event and self.since < one.at <= until)
        if came:
            self.since, self.rest = came[0], [*step["then"], *behind]
        elif until <= now:
            self.since, self.rest = until, [*step["else"], *behind]
        else:
            return False
        return True

    def _holds(self, condition: str | None, known: list[Happening]) -> bool:
        least = int(condition.rpartition(" ")[2]) if condition else 0
        return sum(one.name == "purchase" for one in known) >= least


def _hours(text: str) -> timedelta:
    return timedelta(hours=int(text.split(maxsplit=1)[0]))


def random_history(dice: random.Random, hours: int) -> list[Happening]:
    """A visit that sets the sequence off, and purchases and complaints, some of them heard of late."""
    found = [_happening(dice, "visit.done", dice.randint(0, 12 * 60))]
    for name in ("purchase", "complaint.opened"):
        found += [_happening(dice, name, dice.randint(0, hours * 60)) for _ in range(dice.randint(0, 4))]
    return found


def _happening(dice: random.Random, name: str, minute: int) -> Happening:
    minute -= minute % dice.choice([1, 60])  # often at a full hour: the instant of a plan
    when = BEGIN + minute * MINUTE
    return Happening(name, when, when + dice.choice([0, 0, 0, 2, 7]) * HOUR)


class World:
    """The same clients in a database and in the model."""

    def __init__(self, engine: Engine, dice: random.Random, rule: Rule, clients: int, hours: int) -> None:
        self.bench = Bench(engine, rules(campaigns(rule), policy={"late": "90 days"}))
        self.bench.plan((BEGIN - HOUR).isoformat()[:16])
        self.clients = [Client(f"c{number}", random_history(dice, hours)) for number in range(clients)]
        with write(engine) as connection:
            self.keys = {one.name: add_customer(connection, one.name) for one in self.clients}
        self.heard: set[int] = set()
        self.ways = {one.name: way_of(rule, one.name) for one in self.clients}

    def hear(self, now: datetime) -> None:
        """Writes what is known by `now` into the database."""
        with write(self.bench.engine) as connection:
            for client in self.clients:
                for one in client.history:
                    if one.known <= now and id(one) not in self.heard:
                        self.heard.add(id(one))
                        if one.name == "purchase":
                            add_purchase(connection, self.keys[client.name], one.at, received_at=one.known)
                        else:
                            data = {"score": 1, "about": "x"} if one.name == "complaint.opened" else {"score": 1}
                            add_event(connection, self.keys[client.name], one.name, one.at, data, received_at=one.known)

    def hour(self, now: datetime, *, walk: bool = True) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """One hour: (client, email) sent by the plan, and by the model if it is to `walk`."""
        self.hear(now)
        sent = {(customer, step) for customer, _, step in self.bench.send(now.isoformat()[:16])}
        walked = set()
        for client in self.clients if walk else ():
            before = len(client.emails)
            client.walk(self.ways[client.name], now)
            walked |= {(client.name, email) for _, email in client.emails[before:]}
        return sent, walked


def campaigns(rule: Rule) -> dict[str, Any]:
    """One campaign with these steps and variants."""
    return {"seq": {"on": "visit.done", **{key: value for key, value in rule.items() if value}}}


def random_edit(dice: random.Random, rule: Rule) -> Rule:
    """The rule after one edit: of a list of steps, or of its variants, one of which is removed or moved."""
    variants = list(rule.get("variants", ()))
    place = dice.randrange(len(variants) + 1)
    if place == len(variants):
        return {**rule, "steps": _edited(dice, rule["steps"])} if rule["steps"] else rule
    kind = dice.choice(["steps", "steps", "remove", "move", "add"])
    one = variants[place]
    if kind == "steps" and "steps" in one:
        variants[place] = {**one, "steps": _edited(dice, one["steps"])}
    elif kind == "remove" and rule["steps"]:
        variants.pop(place)
    elif kind == "move":
        variants.insert(0, variants.pop(place))
    elif kind == "add":
        new = dice.randrange(10**6)
        variants.append({"name": f"new{new}", "steps": [{"email": f"new{new}", "wait": "1 hours"}]})
    return {**rule, "variants": variants if len(variants) > 1 else []}


def _edited(dice: random.Random, steps: Steps) -> Steps:
    """The steps after one edit: one is moved, removed, added, renamed with `was`, or put into a branch."""
    found = list(steps)
    place = dice.randrange(len(found)) if found else 0
    kind = dice.choice(["move", "remove", "add", "rename", "inside", "shorten"])
    if not found or kind == "add":
        return [*found[:place], {"email": f"new{dice.randrange(10**6)}", "wait": "1 hours"}, *found[place:]]
    step = found[place]
    if kind == "move":
        found.insert(dice.randrange(len(found)), found.pop(place))
        return [one for one in found if one != "exit"]
    if kind == "remove" and len(found) > 1:
        return [*found[:place], *found[place + 1 :]] if "email" in str([*found[:place], *found[place + 1 :]]) else found
    if isinstance(step, dict) and kind == "rename" and "id" in step:
        renamed = {key: value for key, value in step.items() if key != "was"}
        found[place] = {**renamed, "id": f"{step['id']}x", "was": step["id"]}
    elif isinstance(step, dict) and kind == "inside" and "then" in step:
        found[place] = {**step, "then": _edited(dice, step["then"]), "else": _edited(dice, step["else"])}
    elif isinstance(step, dict) and "email" in step:
        found[place] = {**step, "wait": "0 hours"}
    return found


def standing(client: Client) -> tuple[str, str, datetime] | None:
    """Where the model has the client: (email or decision, its name, the instant at which they go on); None at the end.

    Nothing is said about clients who have not entered.
    """
    if not client.rest or client.rest[0] == "exit":
        return None
    step = client.rest[0]
    if "email" in step:
        return "email", step["email"], client.since + _hours(step["wait"])
    limit = step["wait_for"].partition(" within ")[2] if "wait_for" in step else step["wait"]
    return "decision", step["id"], client.since + _hours(limit)


def disagreements(world: World, now: datetime) -> list[str]:
    """Clients for whom `explain` says something else than the model, after the plan at `now`."""
    from regulars.explain.explain import explain

    assert world.bench.rules is not None
    found = []
    for client in world.clients:
        if client.rest is None:
            continue
        view = explain(world.bench.engine, world.bench.rules, client.name, "seq", now).campaigns[0]
        place = standing(client)
        open_steps = [row.step for row in view.decisions if row.branch is None and row.moved_to is None]
        if place is None:
            right = view.due_from is None and not open_steps and not view.due
        elif place[0] == "email":
            right = view.due if place[2] <= now else view.due_from == place[2]
            right = right or (place[2] <= now and any(row.step == place[1] for row in view.plan))
        else:
            right = place[2] <= now or (open_steps == [place[1]] and f"`{place[1]}`" in view.sentence)
        if not right:
            found.append(f"{client.name}: {place} but {view.sentence} (due {view.due}, from {view.due_from})")
    return found
