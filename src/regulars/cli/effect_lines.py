"""Effects of campaigns in lines: on the share that reaches the goal, and on the value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regulars.insights.lift import Comparison, Lift
    from regulars.insights.value_lift import ValueLift


def effect_lines(name: str, measured: Lift) -> Iterator[str]:
    """The effect of a campaign in one line, with lines for the reading at a fixed size and for warnings."""
    head = f"{name}: {measured.goal}: {_groups(measured)}"
    sure = measured.always_valid_interval
    if measured.gain is None or sure is None:
        yield f"{head}; nothing to compare yet"
        return
    yield f"{head}; {measured.gain:+.1%} (always-valid 95 % interval {sure.low:+.1%} to {sure.high:+.1%})"
    reading = measured.reading
    if reading is not None and reading.gain is not None and reading.fixed_interval is not None:
        sure = reading.fixed_interval
        yield (
            f"  read at {measured.read_at:,} clients, as the rule says: {_groups(reading)}; {reading.gain:+.1%}"
            f" (95 % interval {sure.low:+.1%} to {sure.high:+.1%})"
        )
    for warning in measured.warnings:
        yield f"  {warning}"


def _groups(compared: Comparison) -> str:
    written, control = compared.written, compared.control
    return f"{written.reached:,} of {written.clients:,} written to, {control.reached:,} of {control.clients:,} held out"


def value_lines(campaign: str, found: ValueLift) -> Iterator[str]:
    """The effect on the value in one line, with lines for warnings."""
    unit = found.currency or "value"
    head = (
        f"{campaign}: {unit} for each mailbox: {found.written.mean:,.2f} of {found.written.mailboxes:,} written to,"
        f" {found.control.mean:,.2f} of {found.control.mailboxes:,} held out"
    )
    sure, added = found.interval, found.added_interval
    if found.gain is None or sure is None or added is None:
        yield f"{head}; nothing to compare yet"
    else:
        yield (
            f"{head}; {found.gain:+,.2f} (always-valid 95 % interval {sure.low:+,.2f} to {sure.high:+,.2f}); over all"
            f" written to {found.added:+,.2f} ({added.low:+,.2f} to {added.high:+,.2f})"
        )
    for warning in found.warnings:
        yield f"  {warning}"
