"""`erase`, `export` and `key`: what is owed to a person, and what is given to a program."""

from __future__ import annotations

import click

from regulars.cli.door import Door, json_option
from regulars.cli.output import emit
from regulars.core import clock, keys, webhooks


@click.command("export")
@click.argument("customer")
@json_option
@click.pass_obj
def export_command(door: Door, customer: str) -> None:
    """Print everything that is kept about CUSTOMER (id or e-mail address), as JSON."""
    from regulars.store.engine import read
    from regulars.tracking import customer_id, export

    with read(door.engine) as connection:
        found = export(connection, customer_id(connection, customer))
    emit(found)


@click.command("erase")
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def erase_command(door: Door, customer: str, yes: bool) -> None:
    """Forget CUSTOMER (id or e-mail address) for good.

    Counts stay, the person goes. The address stays suppressed by a keyed hash, also if it is imported again.
    """
    from regulars.ledger.recall import recall
    from regulars.store.engine import write
    from regulars.store.rights import erase
    from regulars.tracking import customer_id

    if not yes:
        click.confirm(f"Erase {customer}? This cannot be undone", abort=True)
    with write(door.engine) as connection:
        key = customer_id(connection, customer)
        erase(connection, key, clock.system())
        recall(connection, key)
    if door.as_json:
        emit({"erased": True})
    else:
        click.echo("Erased. The address stays suppressed; no import brings it back.")


@click.command("key")
@click.argument("name")
@click.option(
    "--for", "scopes", multiple=True, required=True, type=click.Choice([*keys.SCOPES, "hook"]),
    help="What it may do; repeatable. `hook` makes the secret with which a shop signs messages.",
)  # fmt: skip
@json_option
@click.pass_obj
def key_command(door: Door, name: str, scopes: tuple[str, ...]) -> None:
    """Print a key called NAME, for a till, a shop or a CRM.

    It is not stored: REGULARS_REVOKED_KEYS takes it back by its name.
    """
    wanted = sorted(set(scopes))
    if "hook" in wanted and len(wanted) > 1:
        raise click.BadParameter("a key for a hook signs messages and opens nothing else; make two keys")
    secret = door.settings.secret
    try:
        key = webhooks.secret_of(name, secret) if wanted == ["hook"] else keys.make(name, wanted, secret)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if door.as_json:
        emit({"name": name, "scopes": wanted, "key": key})
    else:
        click.echo(key)
