"""`audience`: how many clients a condition or a segment matches, who may be mailed, and why the others may not."""

from __future__ import annotations

import csv
import re
import sys
from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import print_json, print_wrapped, table
from regulars.db.states import reason_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.audience.expression import Expression
    from regulars.audience.problems import Problem
    from regulars.audience.vocabulary import Catalogue
    from regulars.core.diagnostics import Diagnostic
    from regulars.eligibility.audience_size import AudienceSize, Matching, Overlap

_TYPED = "condition"
"""What stands for a file's name in the diagnostics of a typed condition."""


@click.command("audience")
@click.argument("condition", required=False)
@click.option("--list", "listed", is_flag=True, help="Also each client, by id.")
@click.option(
    "--sample", type=click.IntRange(1, 10_000), help="Also SAMPLE clients, drawn at random; the same each time."
)
@click.option("--csv", "as_csv", is_flag=True, help="The list as CSV, and nothing else.")
@click.option(
    "--overlap", nargs=2, metavar="A B", help="How many match A, B, or both; of all clients, or of CONDITION."
)
@now_option
@json_option
@click.pass_obj
def audience_command(
    command: CommandContext, condition: str | None, listed: bool, sample: int | None, as_csv: bool,
    overlap: tuple[str, str] | None, now: str | None,
) -> None:  # fmt: skip
    """Count the clients of CONDITION, or of a segment: how many, how many may be mailed, and why not the others.

    Nothing is written. Two clients with one mailbox count as one who may be mailed.
    """
    if condition is None and overlap is None:
        raise click.UsageError("Name a segment, or write a condition in quotes: 'customer.spent > 500'.")
    from regulars.context.plan_context import plan_context
    from regulars.db.engine import dry_run
    from regulars.eligibility import audience_size as counting

    rules, at = command.rules, command.now(now)
    asked = None if condition is None else read_condition(condition, rules.catalogue)
    pair = None if overlap is None else [read_condition(each, rules.catalogue) for each in overlap]
    with dry_run(command.engine) as connection:
        context = plan_context(connection, rules, at)
        size = None if asked is None else counting.audience_size(context, asked)
        wanted = asked is not None and (listed or as_csv or sample is not None)
        people = counting.matching_clients(context, asked, sample) if asked is not None and wanted else []
        common = None if pair is None else counting.overlap(context, asked, *pair)
    if as_csv:
        _print_csv(people)
    elif command.as_json:
        print_json(_document(size, people if wanted else None, common))
    else:
        _print(size, people, common, overlap)


def read_condition(text: str, catalogue: Catalogue) -> Expression:
    """The condition, or that of the segment of this name; raises Invalid with places in the typed text."""
    from regulars.audience.expression import parse
    from regulars.audience.problems import ExpressionErrors, Problem
    from regulars.core.diagnostics import did_you_mean
    from regulars.core.errors import Invalid

    named = text.strip()
    bare = re.fullmatch(r"[a-z][a-z0-9-]*", named) is not None and named not in ("true", "false", "none")
    if bare and named not in catalogue.segments:
        known = ", ".join(f"`{name}`" for name in sorted(catalogue.segments))
        expected = f"one of {known}, or a condition" if known else "a condition such as `customer.spent > 500`"
        hint, message = did_you_mean(named, catalogue.segments), f"there is no segment `{named}`"
        problem = Problem(text.find(named), len(named), message, expected, hint)
        raise Invalid([_diagnostic(text, problem)], {_TYPED: text})
    try:
        return parse(f"in_segment('{named}')" if bare else text, catalogue)
    except ExpressionErrors as errors:
        raise Invalid([_diagnostic(text, each) for each in errors.problems], {_TYPED: text}) from None


def _diagnostic(text: str, problem: Problem) -> Diagnostic:
    from regulars.core.diagnostics import Diagnostic, Span

    before = text[: problem.offset]
    line, column = before.count("\n") + 1, problem.offset - (before.rfind("\n") + 1) + 1
    span = Span(_TYPED, line, column, problem.length)
    return Diagnostic("A001", problem.message, span, expected=problem.expected, hint=problem.hint)


def _document(
    size: AudienceSize | None, people: Sequence[Matching] | None, common: Overlap | None
) -> dict[str, object]:
    found: dict[str, object] = {}
    if size is not None:
        reasons = dict(size.reasons)
        found["audience"] = {"matching": size.matching, "mailable": size.mailable, "reasons": reasons}
    if people is not None:
        found["clients"] = [{"id": one.external_id, "reason": one.reason} for one in people]
    if common is not None:
        names = ("both", "first_only", "second_only", "neither")
        found["overlap"] = {name: getattr(common, name) for name in names}
    return found


def _print_csv(people: Sequence[Matching]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("id", "reason"))
    writer.writerows((one.external_id, one.reason or "") for one in people)


def _print(
    size: AudienceSize | None, people: Sequence[Matching], common: Overlap | None, overlap: tuple[str, str] | None
) -> None:
    if size is not None:
        clients = f"{size.matching:,} client{'' if size.matching == 1 else 's'}"
        click.echo(f"{clients}; {size.mailable:,} may be mailed.\n")
        rows = [(reason_in_words(reason), f"{count:,}") for reason, count in size.reasons.items()]
        if rows:
            table("Why the others may not", ("reason", "clients"), rows, numbers=(1,))
    if people:
        rows = [(one.external_id, reason_in_words(one.reason) if one.reason else "may be mailed") for one in people]
        table("Clients", ("id", "email"), rows)
    if common is not None and overlap is not None:
        print_wrapped(f"A: {overlap[0]}")
        print_wrapped(f"B: {overlap[1]}")
        click.echo("")
        counted = {"A and B": common.both, "only A": common.first_only, "only B": common.second_only}
        rows = [(name, f"{count:,}") for name, count in {**counted, "neither": common.neither}.items()]
        table(None, ("who", "clients"), rows, numbers=(1,))
