"""`next('visit')` and `has_upcoming('visit')`: appointments by their own instant.

A visit is booked, moved and cancelled by events; any other appointment is an event with an instant of its own.
"""

from __future__ import annotations

from jinja2 import nodes as jinja

from regulars.audience import nodes
from regulars.audience.check_context import CheckContext
from regulars.audience.nodes import VISIT, Node
from regulars.core.diagnostics import did_you_mean
from regulars.profile.visits import BOOKED, STARTS_AT
from regulars.rules.fields import FieldType


def upcoming(
    checker: CheckContext, node: jinja.Call, function: str, argument: jinja.Expr, at: jinja.Expr | None
) -> Node | None:
    """The node of a call, or None when a problem was added; raises Wrong."""
    before = len(checker.problems)
    event = checker.written(argument, "`'visit'` or the name of an event")
    field: str | None = None if at is None else checker.written(at, "the field that says when it is")
    if len(checker.problems) > before:
        return None
    begins = _visit(checker, argument, at) if event == VISIT else _field(checker, argument, event, at, field)
    kind = FieldType.INSTANT if function == "next" else FieldType.BOOL
    return nodes.Upcoming(*checker.place(node), kind, function, event, begins)


def _visit(checker: CheckContext, argument: jinja.Expr, at: jinja.Expr | None) -> str:
    if at is not None:
        raise checker.wrong(at, "a visit has one beginning: leave `at` out", "`next('visit')`")
    if checker.catalogue.events.get(BOOKED, {}).get(STARTS_AT) is not FieldType.INSTANT:
        raise checker.wrong(
            argument,
            f"no event `{BOOKED}` says when a visit begins",
            hint=f"declare it under `events`: `{BOOKED}: {{{STARTS_AT}: instant}}`",
        )
    return STARTS_AT


def _field(checker: CheckContext, argument: jinja.Expr, event: str, at: jinja.Expr | None, field: str | None) -> str:
    """The instant of the event by which it is still to come; the only one where none is named."""
    events = checker.catalogue.events
    if event == BOOKED:
        hint = "write `'visit'`: visits that were moved or cancelled are then left out"
        raise checker.wrong(argument, f"`{event}` has every booking in it", "`'visit'`", hint)
    if event not in events:
        near = did_you_mean(event, [VISIT, *events])
        raise checker.wrong(argument, f"there is no event `{event}`", "`'visit'` or a declared event", near)
    instants = [name for name, kind in events[event].items() if kind is FieldType.INSTANT]
    listed = " or ".join(f"`at='{name}'`" for name in instants)
    if field is not None and at is not None:
        if field in instants:
            return field
        what = "is not an instant" if field in events[event] else "is not a field"
        expected = listed or f"a field of `{event}` of type instant"
        raise checker.wrong(at, f"`{field}` {what} of `{event}`", expected, did_you_mean(field, instants))
    if len(instants) == 1:
        return instants[0]
    if instants:
        raise checker.wrong(argument, f"`{event}` has more than one instant: say by which it is to come", listed)
    hint = f"declare when it is under `events`: `{event}: {{{STARTS_AT}: instant}}`"
    raise checker.wrong(argument, f"`{event}` has no instant by which it could be still to come", hint=hint)
