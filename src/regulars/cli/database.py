"""`db`: upgrading the database."""

from __future__ import annotations

import click

from regulars.cli.command_context import CommandContext, close_with_command, json_option
from regulars.cli.output import print_json


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
