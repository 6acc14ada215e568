"""`erase` for a client's data, and `key` for programs."""

from __future__ import annotations

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import print_json
from regulars.core import api_keys, clock, webhook_signing


@click.command("erase")
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def erase_command(command: CommandContext, customer: str, yes: bool) -> None:
    """Erase CUSTOMER (id or e-mail address) permanently.

    Counts stay, personal data are deleted. The address stays suppressed by a keyed hash, also if it is imported again.
    """
    from regulars.consent.duplicates import contact
    from regulars.consent.rights import erase
    from regulars.core.operator_name import operator
    from regulars.db.engine import write
    from regulars.ledger.audit import Action, record
    from regulars.profile.identity import one_client_called

    if not yes:
        click.confirm(f"Erase {customer}? This cannot be undone", abort=True)
    with write(command.engine) as connection:
        key = one_client_called(connection, customer)
        now = clock.system()
        erase(connection, key, now)
        name = contact(connection, key).external_id
        record(connection, Action.ERASE, operator(), name, None, now, customer_id=key)
    if command.as_json:
        print_json({"erased": True})
    else:
        click.echo("Erased. The address stays suppressed; no import brings it back.")


@click.command("key")
@click.argument("name")
@click.option(
    "--for", "scopes", multiple=True, required=True, type=click.Choice([*api_keys.SCOPES, "hook"]), metavar="SCOPE",
    help=f"What it may do, repeatable: {', '.join(api_keys.SCOPES)}; or `hook`, the secret with which a shop signs.",
)  # fmt: skip
@json_option
@click.pass_obj
def key_command(command: CommandContext, name: str, scopes: tuple[str, ...]) -> None:
    """Print a key called NAME, for a till, a shop or a CRM.

    It is not stored; REGULARS_REVOKED_KEYS revokes it by its name. `regulars log` has
    who made it, and for what.
    """
    from regulars.core.operator_name import operator
    from regulars.db.engine import write
    from regulars.ledger.audit import Action, record

    wanted = sorted(set(scopes))
    if "hook" in wanted and len(wanted) > 1:
        raise click.BadParameter("a key for a hook signs messages and opens nothing else; make two keys")
    secret = command.settings.secret
    try:
        key = webhook_signing.secret_of(name, secret) if wanted == ["hook"] else api_keys.make(name, wanted, secret)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    with write(command.engine) as connection:
        record(connection, Action.KEY, operator(), name, f"for {', '.join(wanted)}", clock.system())
    if command.as_json:
        print_json({"name": name, "scopes": wanted, "key": key})
    else:
        click.echo(key)
