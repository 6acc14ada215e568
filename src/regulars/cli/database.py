"""`import` and `db`: importing data, and upgrading the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from regulars.cli.command_context import CommandContext, close_with_command, json_option
from regulars.cli.import_report import print_report
from regulars.cli.output import print_json, progress_bar
from regulars.core import clock

KINDS = (
    "customers", "purchases", "products", "events", "managers", "appointments", "coupons", "redemptions",
    "suppressions",
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


@click.command("import")
@click.argument("kind", callback=_kind)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--map", "mapping", multiple=True, callback=_mapping, metavar="COLUMN=FIELD", help="Say what a column is."
)
@click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="How to read 03/04/2025.")
@click.option("--decimal", type=click.Choice([".", ","]), help="How to read 1,234.")
@click.option("--pool", metavar="NAME", help="Of coupons: the pool that rules take the codes from.")
@click.option("--encoding", help="Where the file is neither UTF-8 nor UTF-16.")
@click.option(
    "--bad-rows", type=click.Path(path_type=Path, dir_okay=False), help="Write refused rows here, to mend and import."
)
@json_option
@click.pass_obj
@click.pass_context
def import_command(
    ctx: click.Context, command: CommandContext, kind: str, file: Path, mapping: dict[str, str],
    dates: Literal["dmy", "mdy"] | None, decimal: Literal[".", ","] | None, pool: str | None, encoding: str | None,
    bad_rows: Path | None,
) -> None:  # fmt: skip
    """Import a CSV or JSON Lines FILE of one KIND: clients, their history, products, coupon codes and redemptions.

    KIND is customers, purchases, products, events, managers, appointments, coupons, redemptions or suppressions.
    Importing a file again changes nothing.

    Valid rows are imported, faulty rows are reported by line and reason (exit code 1). An import never resubscribes
    a client and never lifts a suppression.
    """
    from regulars.importing.options import options_for
    from regulars.importing.report import Kind
    from regulars.importing.service import import_file

    options = replace(
        options_for(command.rules.rulebook),
        dates=dates, decimal=decimal, encoding=encoding, bad_rows=bad_rows, pool=pool,
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
