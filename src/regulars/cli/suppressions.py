"""`suppress`, `unsuppress` and `suppressions`: suppressed addresses."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.import_report import print_faults, print_report
from regulars.cli.output import counts, print_json, print_wrapped, table
from regulars.core import clock
from regulars.core.errors import Invalid, RegularsError
from regulars.db.states import STATED_REASONS, SuppressionReason

if TYPE_CHECKING:
    from regulars.consent.suppression import Lifted, ListedSuppression
    from regulars.importing.options import ImportOptions
    from regulars.importing.report import BadRow, ImportReport

_SHOWN = 50
"""Maximum suppressions in the table."""
_HASHES = (
    "Only keyed hashes of the addresses are kept, so no address can be shown; `clients` are those who have it now."
)
_CSV = ("since", "reason", "scope", "detail", "clients", "email_hash")


def _address_or_file(_: click.Context, __: click.Parameter, value: str) -> str | Path:
    path = Path(value)
    with suppress(OSError):  # too long for a name of a file
        if path.is_dir():
            raise click.BadParameter(f"`{value}` is a folder")
        if path.exists():
            return path
    if "@" not in value:
        raise click.BadParameter(f"`{value}` is no file that is there, and no e-mail address, for it has no @")
    return value.strip()


_target = click.argument("target", metavar="ADDR|FILE", callback=_address_or_file)
_encoding = click.option("--encoding", help="Of a file that is neither UTF-8 nor UTF-16.")


@click.command("suppress")
@_target
@click.option(
    "--scope", type=click.Choice(["all", "marketing"]), default="all", show_default=True,
    help="Which emails are not sent: all, or marketing only.",
)  # fmt: skip
@click.option(
    "--reason", type=click.Choice(list(map(str, STATED_REASONS))), default="manual", show_default=True, help="Why."
)
@click.option("--why", metavar="TEXT", help="A note that is kept with it.")
@_encoding
@json_option
@click.pass_obj
@click.pass_context
def suppress_command(
    ctx: click.Context, command: CommandContext, target: str | Path, scope: Literal["all", "marketing"], reason: str,
    why: str | None, encoding: str | None,
) -> None:  # fmt: skip
    """Suppress an address, or those in a file.

    A file has one address per line, or the columns of `regulars import suppressions`; the options are defaults for its
    rows. A suppression applies to the mailbox, whichever client has the address, at once: claimed emails are recalled.
    """
    from regulars.importing.options import ImportOptions

    given = ImportOptions(scope=scope, reason=reason, detail=why, encoding=encoding, source="suppress")
    report = _import(command, target, given)
    _record(command, "suppress", target, report.added + report.changed, why or reason)
    if command.as_json:
        print_json(report.to_dict())
    elif isinstance(target, Path):
        print_report(report, target, options=False)
    else:
        _refuse(report.bad)
        _print_suppressed(command, target, report)
    ctx.exit(1 if report.bad_total else 0)


def _record(
    command: CommandContext, action: Literal["suppress", "unsuppress"], target: str | Path, number: int, why: str
) -> None:
    """Adds a line to the log of what people did, unless nothing was changed."""
    from regulars.core.ids import address_hash
    from regulars.core.operator_name import operator
    from regulars.db.engine import write
    from regulars.ledger.audit import Action, record

    if not number:
        return
    whose = None if isinstance(target, Path) else address_hash(target, command.settings.address_secret)
    subject = f"{number:,} {_addresses(number)} of {target.name}" if isinstance(target, Path) else None
    with write(command.engine) as connection:
        record(connection, Action(action), operator(), subject, why, clock.system(), email_hash=whose)


def _import(command: CommandContext, target: str | Path, given: ImportOptions) -> ImportReport:
    """Suppresses addresses; works with faulty rules, too."""
    from regulars.importing.report import Kind
    from regulars.importing.row_source import MappingSource
    from regulars.importing.service import import_file, import_rows

    now, secret = clock.system(), command.settings.address_secret
    if isinstance(target, Path):
        given = replace(given, timezone=_zone(command))
        return import_file(command.engine, Kind.SUPPRESSIONS, target, now=now, secret=secret, options=given)
    source = MappingSource([{"email": target}])
    return import_rows(command.engine, Kind.SUPPRESSIONS, source, now=now, secret=secret, options=given)


def _zone(command: CommandContext) -> str:
    """The company's zone, in which dates of the file are read, as `import suppressions` reads them."""
    try:
        command.go_by_rules_in_force()
    except Invalid:
        click.echo("warning: the rule files are faulty, so dates without an offset are read as UTC", err=True)
        return "UTC"
    return command.rules.rulebook.company.timezone


def _print_suppressed(command: CommandContext, address: str, report: ImportReport) -> None:
    from regulars.consent.suppression import suppression_of
    from regulars.core.ids import address_hash
    from regulars.db.engine import read

    with read(command.engine) as connection:
        found = suppression_of(connection, address_hash(address, command.settings.address_secret))
    if found is None:
        raise RegularsError(f"{address} was suppressed, and somebody has lifted that meanwhile")
    bar = found.suppression
    what = "every email" if bar.scope == "all" else "marketing"
    already = " already" if report.unchanged else ""
    click.echo(f"{address} is{already} suppressed from {what}: {bar.reason}, since {bar.at:%Y-%m-%d}")
    if found.clients:
        click.echo(f"  clients with the address: {', '.join(found.clients)}")
    for note in report.notes:
        click.echo(f"  {note}")


class _Unsuppress(click.Command):
    """Never suggests `--erased` for a typing mistake."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, without that hint."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            near = [name for name in error.possibilities or () if name != "--erased"]
            raise click.NoSuchOption(error.option_name, possibilities=near, ctx=error.ctx) from None


@click.command("unsuppress", cls=_Unsuppress)
@_target
@click.option("--why", metavar="TEXT", required=True, help="The reason, for the log.")
@click.option(
    "--erased", is_flag=True,
    help="Also addresses of people who were erased: an import or a sign-up can then make clients of them again.",
)  # fmt: skip
@_encoding
@json_option
@click.pass_obj
@click.pass_context
def unsuppress_command(
    ctx: click.Context, command: CommandContext, target: str | Path, why: str, erased: bool, encoding: str | None
) -> None:
    """Lift the suppression of an address, or of those in a file.

    Consent is not restored: unsubscribed clients stay unsubscribed. The address of an erased person stays suppressed
    (exit code 1), unless --erased is given.
    """
    from regulars.consent.suppression import lift_suppressions
    from regulars.core.ids import address_hash
    from regulars.db.engine import write
    from regulars.importing.addresses import read_addresses
    from regulars.importing.row_source import MappingSource
    from regulars.importing.source_file import AddressFile

    if not why.strip():
        raise click.BadParameter("say why, in a word or two", param_hint="--why")
    if isinstance(target, Path):
        with AddressFile(target, encoding) as source:
            addresses, bad = read_addresses(source)
    else:
        addresses, bad = read_addresses(MappingSource([{"email": target}]))
        if not command.as_json:
            _refuse(bad)
    hashes = {address_hash(address, command.settings.address_secret) for address in addresses}
    with write(command.engine) as connection:
        done = lift_suppressions(connection, hashes, now=clock.system(), by="unsuppress", why=why, erased=erased)
    _record(command, "unsuppress", target, done.lifted, why)
    if command.as_json:
        print_json(
            {
                "lifted": done.lifted, "not_suppressed": done.not_suppressed, "erased": done.erased,
                "forgiven": done.forgiven, "bad": [fault.to_dict() for fault in bad],
            }
        )  # fmt: skip
    else:
        _print_lifted(done, len(hashes), bad)
    ctx.exit(1 if done.erased or bad else 0)


def _print_lifted(done: Lifted, asked: int, bad: Sequence[BadRow]) -> None:
    click.echo(f"{asked:,} {_addresses(asked)}: {done.lifted:,} lifted, {done.not_suppressed:,} not suppressed")
    if done.lifted:
        print_wrapped("No consent comes back with it: who has left marketing gets none.", indent=2, hanging=0)
    if done.forgiven:
        print_wrapped(f"{done.forgiven:,} notifications of bounces no longer count.", indent=2, hanging=0)
    if done.erased:
        whose = "belongs to somebody who was" if done.erased == 1 else "belong to people who were"
        print_wrapped(
            f"{done.erased:,} {_addresses(done.erased)} {whose} erased and stay{'s' * (done.erased == 1)} suppressed."
            " With --erased, an import or a sign-up can make clients of them again, although they asked to be"
            " forgotten.",
            indent=2, hanging=0,
        )  # fmt: skip
    print_faults(bad, len(bad))


def _addresses(number: int) -> str:
    return "address" if number == 1 else "addresses"


def _refuse(bad: Sequence[BadRow]) -> None:
    """Raises the fault of the one address that was given."""
    for fault in bad:
        raise RegularsError(f"`{fault.value}` {fault.reason}" + (f"; {fault.hint}" if fault.hint else ""))


@click.command("suppressions")
@click.option("--reason", type=click.Choice(list(map(str, SuppressionReason))), help="Only those with this reason.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all of them as CSV.")
@json_option
@click.pass_obj
def suppressions_command(command: CommandContext, reason: str | None, as_csv: bool) -> None:
    """List the suppressed addresses, the latest first.

    Only keyed hashes of addresses are stored, so none can be shown; `clients` are those who have the address now.
    """
    from regulars.consent.suppression import list_suppressions
    from regulars.db.engine import read

    with read(command.engine) as connection:
        found = list_suppressions(connection, reason)
    if command.as_json:
        print_json({"total": len(found), "suppressions": [_as_json(one) for one in found]})
    elif as_csv:
        sys.stdout.write(_as_csv(found))
    else:
        _print_list(found)


def _as_json(one: ListedSuppression) -> dict[str, object]:
    bar = one.suppression
    return {
        "email_hash": bar.email_hash, "reason": bar.reason, "scope": bar.scope, "since": bar.at.isoformat(),
        "detail": bar.detail, "clients": list(one.clients),
    }  # fmt: skip


def _as_csv(found: Iterable[ListedSuppression]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for one in found:
        bar = one.suppression
        writer.writerow(
            (bar.at.isoformat(), bar.reason, bar.scope, _cell(bar.detail or ""), _cell("; ".join(one.clients)),
             bar.email_hash)
        )  # fmt: skip
    return text.getvalue()


def _cell(text: str) -> str:
    """A cell that a spreadsheet reads as text, not as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _print_list(found: Sequence[ListedSuppression]) -> None:
    numbers: dict[str, int] = {}
    for one in found:
        numbers[one.suppression.reason] = numbers.get(one.suppression.reason, 0) + 1
    click.echo(f"{len(found):,} {_addresses(len(found))} suppressed: {counts(numbers)}")
    if not found:
        return
    print_wrapped(_HASHES, hanging=0)
    rows = [
        (
            f"{one.suppression.at:%Y-%m-%d}", one.suppression.reason, one.suppression.scope, ", ".join(one.clients),
            one.suppression.detail or "", one.suppression.email_hash[:12],
        )
        for one in found[:_SHOWN]
    ]  # fmt: skip
    table(None, ("since", "reason", "scope", "clients", "detail", "hash"), rows)
    if len(found) > _SHOWN:
        click.echo(f"and {len(found) - _SHOWN:,} more; --csv and --json print all")
