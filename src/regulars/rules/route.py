"""The way through a sequence as a graph: what comes before each step, what follows it, and which decisions lead to it.

A step is named by its key. Its outcomes lead to the step that follows; branches converge, because what follows a
decision follows the last step of each of its branches. Edges lead forward in the order of the file only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, assert_never

from regulars.rules.steps import (
    COMMON,
    IN_TIME,
    NO_BRANCH,
    STARTED,
    TIME_IS_OVER,
    Choose,
    Decision,
    Exit,
    Split,
    Start,
    Step,
    WaitFor,
)
from regulars.rules.tree import Loc

DONE = "done"
"""The only outcome of an email: it was sent, or left out by its condition."""
Node = Step | Decision


@dataclass(frozen=True, slots=True)
class Edge:
    """A step and one of its outcomes."""

    key: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Stop:
    """One step on the way. `outcomes` has the key of what follows each outcome, None for the end of the sequence."""

    item: Node
    loc: Loc
    """Relative to the campaign: ("steps", 1, "else", 0)."""
    outcomes: Mapping[str, str | None]
    after: str | None
    """What follows the whole step, its branches included."""
    inside: Edge | None
    """The decision and branch in whose list it stands; None for the list of the campaign."""
    reached: bool = True
    """Whether no `exit` stands before it in its list."""

    @property
    def key(self) -> str:
        """Its permanent name."""
        return self.item.key


@dataclass(frozen=True)
class Route:
    """The steps of one sequence in the order of the file."""

    stops: Mapping[str, Stop]
    root: str | None
    """The first step; None for waves, and for a sequence that ends at once."""
    repeated: Sequence[tuple[str, Loc]] = field(default=())
    """Keys that are used again, and where: faults of the rule."""

    @classmethod
    def of(cls, items: Sequence[Any]) -> Route:
        """The route of a list of steps."""
        found: list[Stop] = []
        root = _lay(items, ("steps",), None, None, found)
        stops: dict[str, Stop] = {}
        repeated = []
        for stop in found:
            if stop.key in stops:
                repeated.append((stop.key, stop.loc))
            stops.setdefault(stop.key, stop)
        return cls(stops, root, repeated)

    @cached_property
    def emails(self) -> tuple[Step, ...]:
        """All emails, flattened."""
        return tuple(stop.item for stop in self.stops.values() if isinstance(stop.item, Step))

    @cached_property
    def decisions(self) -> tuple[Stop, ...]:
        """The steps whose outcome is stored: `wait_for`, `choose` and `start`."""
        return tuple(stop for stop in self.stops.values() if not isinstance(stop.item, Step))

    @cached_property
    def before(self) -> Mapping[str, tuple[Edge, ...]]:
        """For each step, the outcomes that lead to it; none for the first."""
        found: dict[str, list[Edge]] = {key: [] for key in self.stops}
        for key, stop in self.stops.items():
            for outcome, following in stop.outcomes.items():
                if following is not None:
                    found[following].append(Edge(key, outcome))
        return {key: tuple(edges) for key, edges in found.items()}

    @cached_property
    def beyond(self) -> Mapping[str, frozenset[str]]:
        """For each step, all that can come after it."""
        found: dict[str, frozenset[str]] = {}
        for key in reversed(list(self.stops)):
            nexts = {each for each in self.stops[key].outcomes.values() if each is not None}
            found[key] = frozenset(nexts.union(*(found.get(each, frozenset()) for each in nexts)))
        return found

    def follows(self, edge: Edge) -> str | None:
        """What follows an outcome; None for the end, for an unknown step and for an unknown outcome."""
        stop = self.stops.get(edge.key)
        return None if stop is None else stop.outcomes.get(edge.outcome)

    def has(self, edge: Edge) -> bool:
        """Whether the step exists and has this outcome."""
        stop = self.stops.get(edge.key)
        return stop is not None and edge.outcome in stop.outcomes

    def with_names(self, steps: Mapping[str, str], branches: Mapping[tuple[str, str], str]) -> Route:
        """The same route with other names of decisions, and of their branches (by decision and branch)."""

        def edge(old: Edge) -> Edge:
            return Edge(steps.get(old.key, old.key), branches.get((old.key, old.outcome), old.outcome))

        def name(key: str | None) -> str | None:
            return None if key is None else steps.get(key, key)

        renamed = {}
        for key, stop in self.stops.items():
            item = stop.item.model_copy(update={"id": steps[key]}) if key in steps else stop.item
            outcomes = {branches.get((key, outcome), outcome): name(to) for outcome, to in stop.outcomes.items()}
            inside = None if stop.inside is None else edge(stop.inside)
            renamed[steps.get(key, key)] = Stop(item, stop.loc, outcomes, name(stop.after), inside, stop.reached)
        return Route(renamed, name(self.root))

    def around(self, key: str) -> list[Edge]:
        """The decisions in whose branches the step stands, the outermost first: all must have had these outcomes."""
        found: list[Edge] = []
        inside = self.stops[key].inside
        while inside is not None:
            found.insert(0, inside)
            inside = self.stops[inside.key].inside
        return found


def branches_of(item: Node) -> Iterator[tuple[str, Loc, Sequence[Any]]]:
    """The lists of steps inside a decision: outcome, location relative to it (of a split, to the campaign), steps."""
    match item:
        case WaitFor():
            yield IN_TIME, ("then",), item.then
            yield TIME_IS_OVER, ("else",), item.otherwise
        case Choose():
            for place, branch in enumerate(item.choose):
                yield branch.key, ("choose", place, "steps"), branch.steps
        case Split():
            for place, branch in zip(item.places, item.branches, strict=True):
                yield branch.key, ("variants", place, "steps"), branch.steps
            yield COMMON, ("steps",), item.common
        case Start() | Step():
            return
        case _:
            assert_never(item)


def _lay(items: Sequence[Any], loc: Loc, after: str | None, inside: Edge | None, found: list[Stop]) -> str | None:
    """Adds the stops of a list, in order, and returns the key of its first step, or what follows an empty list."""
    firsts: list[str | None] = [*(None if isinstance(item, Exit) else item.key for item in items), after]
    reached = True
    for place, item in enumerate(items):
        if isinstance(item, Exit):
            reached = False
            continue
        here, following = (*loc, place), firsts[place + 1]
        index = len(found)
        found.append(Stop(item, here, {}, following, inside, reached))
        outcomes: dict[str, str | None] = {}
        for outcome, part, steps in branches_of(item):
            where = part if isinstance(item, Split) else (*here, *part)
            outcomes[outcome] = _lay(steps, where, following, Edge(item.key, outcome), found)
        match item:
            case Choose():
                if item.choose[-1].condition is not None:
                    outcomes[NO_BRANCH] = following
            case Start():
                outcomes[STARTED] = following
            case Step():
                outcomes[DONE] = following
            case _:
                pass
        found[index] = Stop(item, here, outcomes, following, inside, reached)
    return firsts[0]
