"""`import` and `db`: importing data, and upgrading the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from regulars.cli.command_context import CommandContext, close_with_command, json_option
from regulars.cli.import_report import print_report
from regulars.cli.output import print_json, progress_bar
from regulars.core import clock

if TYPE_CHECKING:
    from regulars.importing.consent_columns import ConsentState

KINDS = (
    "customers", "purchases", "products", "events", "managers", "appointments", "coupons", "redemptions",
    "suppressions", "aliases", "consents", "ledger",
)  # fmt: skip
NEVER_HINTED = frozenset({"suppressions"})
"""Kinds that are never suggested for a typing mistake: a list of subscribers must not become suppressions."""


def _kind(_: click.Context, __: click.Parameter, value: str) -> str:
    if value in KINDS:
        return value
    from regulars.core.diagnostics import did_you_mean

    hint = (
        did_you_mean(value, [kind for kind in KINDS if kind not in NEVER_HINTED])
        or f"expected one of {', '.join(KINDS)}"
    )
    raise click.BadParameter(f"`{value}` cannot be imported; {hint}")


def _mapping(_: click.Context, __: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    found = {}
    for value in values:
        theirs, equals, ours = value.rpartition("=")
        if not equals or not theirs:
            raise click.BadParameter(f'`{value}` is not COLUMN=FIELD, such as "E-Mail=email"')
        found[theirs] = ours
    return found


def _pairs(values: Iterable[str], example: str) -> Iterator[tuple[str, str]]:
    for value in values:
        left, equals, right = value.rpartition("=")
        if not equals or not left:
            raise click.BadParameter(f"`{value}` is not like `{example}`")
        yield left, right


def _scale(_: click.Context, __: click.Parameter, values: Iterable[str]) -> dict[str, Decimal]:
    from regulars.importing.purchases import MONEY

    found = {}
    for column, factor in _pairs(values, "amount=0.01"):
        if column not in MONEY:
            raise click.BadParameter(f"`{column}` is no column of amounts; expected one of {', '.join(MONEY)}")
        try:
            found[column] = Decimal(factor)
        except InvalidOperation:
            raise click.BadParameter(f"`{factor}` is not a number, such as 0.01") from None
        if not Decimal("0.0001") <= found[column] <= 1_000_000:
            raise click.BadParameter(f"`{factor}` is not between 0.0001 and 1,000,000")
    return found


def _statuses(_: click.Context, __: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    from regulars.importing.order_status import ANSWERS

    found = dict(_pairs(values, "partially_paid=paid"))
    wrong = next((meaning for meaning in found.values() if meaning not in ANSWERS), None)
    if wrong is not None:
        raise click.BadParameter(f"`{wrong}` is no meaning of a status; expected one of {', '.join(ANSWERS)}")
    return found


def _consent(_: click.Context, __: click.Parameter, values: Iterable[str]) -> dict[str, ConsentState | None]:
    from regulars.importing.consent_columns import ANSWERS

    found = {}
    for word, answer in _pairs(values, "active=yes"):
        if answer not in ANSWERS:
            raise click.BadParameter(f"`{answer}` is no answer about consent; expected one of {', '.join(ANSWERS)}")
        found[word] = ANSWERS[answer]
    return found


@click.command("import")
@click.argument("kind", callback=_kind)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--map",
    "mapping",
    multiple=True,
    callback=_mapping,
    metavar="COLUMN=FIELD",
    help="Say what a column is; `COLUMN=-` leaves it out.",
)
@click.option("--dates", type=click.Choice(["dmy", "mdy", "excel"]), help="How to read 03/04/2025, or 45123.")
@click.option("--decimal", type=click.Choice([".", ","]), help="How to read 1,234.")
@click.option(
    "--scale",
    multiple=True,
    callback=_scale,
    metavar="COLUMN=FACTOR",
    help="Of amounts: `amount=0.01` where they are in cents.",
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    callback=_statuses,
    metavar="WORD=MEANING",
    help="Of orders: what a status means: paid, unpaid or refunded.",
)
@click.option(
    "--consent",
    multiple=True,
    callback=_consent,
    metavar="WORD=ANSWER",
    help="Of clients: what a word about consent means: yes, no, never, blocked, bounced, complained, or `-`: nothing.",
)
@click.option("--pool", metavar="NAME", help="Of coupons: the pool that rules take the codes from.")
@click.option("--encoding", help="Where the file is neither UTF-8 nor UTF-16.")
@click.option(
    "--bad-rows", type=click.Path(path_type=Path, dir_okay=False), help="Write refused rows here, to mend and import."
)
@click.option("--strict", is_flag=True, help="Refuse a client for a birthday, zone or language that cannot be read.")
@json_option
@click.pass_obj
@click.pass_context
def import_command(
    ctx: click.Context, command: CommandContext, kind: str, file: Path, mapping: dict[str, str],
    dates: Literal["dmy", "mdy", "excel"] | None, decimal: Literal[".", ","] | None, pool: str | None,
    encoding: str | None, bad_rows: Path | None, scale: dict[str, Decimal], statuses: dict[str, str], strict: bool,
    consent: dict[str, ConsentState | None],
) -> None:  # fmt: skip
    """Import a CSV or JSON Lines FILE of one KIND: clients, their history, products, coupon codes and redemptions.

    KIND is customers, purchases, products, events, managers, appointments, coupons, redemptions or suppressions; or, of
    an export, aliases, consents or ledger. Importing a file again changes nothing.

    Valid rows are imported, faulty rows are reported by line and reason (exit code 1). An import never resubscribes
    a client and never lifts a suppression.
    """
    from regulars.importing.options import options_for
    from regulars.importing.report import Kind
    from regulars.importing.service import import_file

    command.go_by_applied_version()
    options = replace(
        options_for(command.rules.rulebook),
        dates=dates, decimal=decimal, encoding=encoding, bad_rows=bad_rows, pool=pool, scale=scale, strict=strict,
        statuses=statuses, consent=consent,
    )  # fmt: skip
    with progress_bar(f"Importing {file.name}", quiet=command.as_json) as progress:
        report = import_file(
            command.engine, Kind(kind), file, now=clock.system(), secret=command.settings.address_secret,
            mapping=mapping, options=options, progress=progress,
        )  # fmt: skip
    if command.as_json:
        print_json(report.to_dict())
    else:
        print_report(report, file)
    ctx.exit(1 if report.bad_total else 0)


@click.group("db")
def db_command() -> None:
    """Upgrade the database to the schema of this version."""


@db_command.command("upgrade")
@json_option
@click.pass_obj
def upgrade(command: CommandContext) -> None:
    """Create or change the tables, in one transaction; does nothing when they are up to date."""
    from regulars.db.engine import open_engine
    from regulars.operation.database_upgrade import upgrade_database

    engine = open_engine(command.settings.database_url)
    close_with_command(engine)
    revision = upgrade_database(engine, secret=command.settings.address_secret)
    if command.as_json:
        print_json({"revision": revision})
    else:
        click.echo(f"The database is at revision {revision}.")
