"""`export`: all data of one client, or everything of a kind for whoever moves to another system."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import VERSION

if TYPE_CHECKING:
    from regulars.importing.export_rows import ExportKind

KINDS = (
    "suppressions", "managers", "products", "customers", "aliases", "consents", "preferences", "purchases",
    "events", "ledger",
)  # fmt: skip


@click.command("export")
@click.argument("what", metavar="KIND|CUSTOMER")
@click.option("--csv", "as_csv", is_flag=True, help="Of a KIND: as CSV, which is the default.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write here; only you can read the file.")
@json_option
@click.pass_obj
def export_command(command: CommandContext, what: str, as_csv: bool, out: Path | None) -> None:
    """Export everything of a KIND, or print all data stored about one CUSTOMER (id or e-mail address) as JSON.

    KIND is suppressions, managers, products, customers, aliases, consents, preferences, purchases, events or
    ledger. An empty
    database imports the files in this order, with `regulars import KIND FILE`. --json writes JSON Lines, one object
    to a line. Erased clients are left out; their addresses stay among the suppressions.
    """
    from regulars.importing.export_file import private_file

    if as_csv and (command.as_json or what not in KINDS):
        raise click.UsageError("--csv is for a KIND, and not together with --json")
    if what not in KINDS:
        with private_file(out) if out else nullcontext(sys.stdout) as file:
            _export_client(command, what, file)
        return
    from regulars.importing.export_rows import ExportKind

    _export_kind(command, ExportKind(what), "json" if command.as_json else "csv", out)


def _export_client(command: CommandContext, customer: str, file: TextIO) -> None:
    from regulars.consent.data_export import export
    from regulars.db.engine import read
    from regulars.profile.identity import one_client_called

    with read(command.engine) as connection:
        found = export(connection, one_client_called(connection, customer))
    document = {"version": VERSION, **found}
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str), file=file)


def _export_kind(command: CommandContext, kind: ExportKind, form: Literal["csv", "json"], out: Path | None) -> None:
    from regulars.importing.export_file import export_to, private_file

    with private_file(out) if out else nullcontext(sys.stdout) as file:
        count = export_to(command.engine, kind, form, file, secret=command.settings.address_secret)
    if out:
        click.echo(f"{count:,} rows of {kind} in {out}", err=True)
