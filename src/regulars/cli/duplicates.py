"""`duplicates`, `merge` and `alias`: possible duplicates, merging them, and further ids of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import print_json, print_wrapped
from regulars.core import clock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from regulars.consent.duplicates import Duplicate, DuplicateClient
    from regulars.consent.merge import Merged

_SHOWN = 50
"""Maximum addresses in the list."""


@click.command("duplicates")
@json_option
@click.pass_obj
def duplicates_command(command: CommandContext) -> None:
    """List the addresses that several clients have, with these clients.

    They stay apart until `regulars merge` joins them; what protects people holds for the address in any case.
    """
    from regulars.consent.duplicates import list_duplicates
    from regulars.db.engine import read

    with read(command.engine) as connection:
        found = list_duplicates(connection)
    if command.as_json:
        print_json({"addresses": len(found), "duplicates": [_as_json(one) for one in found]})
    else:
        _print_list(found)


def _as_json(one: Duplicate) -> dict[str, object]:
    clients = [
        {
            "id": client.external_id, "name": client.name, "since": client.since.isoformat(),
            "birthday": client.birthday and client.birthday.isoformat(), "purchases": client.purchases,
            "last_purchase_at": client.last_purchase_at and client.last_purchase_at.isoformat(),
        }
        for client in one.clients
    ]  # fmt: skip
    return {"address": one.address, "different": one.different, "clients": clients}


def _print_list(found: list[Duplicate]) -> None:
    if not found:
        click.echo("no address belongs to several clients")
        return
    several = "1 address belongs" if len(found) == 1 else f"{len(found):,} addresses belong"
    click.echo(f"{several} to several clients\n")
    for one in found[:_SHOWN]:
        differ = ", of different names or birthdays:" if one.different else ":"
        print_wrapped(one.address + differ, hanging=4)
        for client in one.clients:
            print_wrapped(_in_words(client), indent=2, hanging=4)
    if len(found) > _SHOWN:
        click.echo(f"and {len(found) - _SHOWN:,} more; --json prints all")
    first, second = found[0].clients[:2]
    example = f"`regulars merge {first.external_id} {second.external_id}`"
    click.echo()
    print_wrapped(f"{example} would join {second.external_id} into {first.external_id}.", hanging=0)


def _in_words(client: DuplicateClient) -> str:
    bought = "1 purchase" if client.purchases == 1 else f"{client.purchases:,} purchases"
    last = f", the last on {client.last_purchase_at:%Y-%m-%d}" if client.last_purchase_at else ""
    born = f", born {client.birthday.isoformat()}" if client.birthday else ""
    return f"{client.external_id}: {client.name or 'no name'}{born}, since {client.since:%Y-%m-%d}, {bought}{last}"


@click.command("merge")
@click.argument("kept", metavar="CUSTOMER")
@click.argument("other")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def merge_command(command: CommandContext, kept: str, other: str, yes: bool) -> None:
    """Merge OTHER into CUSTOMER: they are one person.

    Each is given by an id, or by an address of one client only. The data of both are kept; of their consents the
    stricter applies. The client gets no email that either had. OTHER's id becomes an alias.
    """
    from regulars.consent.merge import merge_clients
    from regulars.core.operator_name import operator
    from regulars.db.engine import read, write
    from regulars.ledger.audit import Action, record
    from regulars.profile.identity import one_client_called

    with read(command.engine) as connection:
        names = [_who(connection, name) for name in (kept, other)]
    if not yes:
        click.confirm(f"Join {names[1]} into {names[0]}? This cannot be undone", abort=True, err=command.as_json)
    with write(command.engine) as connection:
        pair = [one_client_called(connection, name) for name in (kept, other)]
        now = clock.system()
        done = merge_clients(connection, pair[0], pair[1], now=now, by="merge")
        subject = f"{done.joined} into {done.client}"
        record(connection, Action.MERGE, operator(), subject, None, now, customer_id=pair[0])
    if command.as_json:
        print_json(
            {
                "id": done.client, "joined": done.joined, "events": done.events, "purchases": done.purchases,
                "emails": done.emails, "emails_of_both": done.twice, "refused": list(done.refused),
            }
        )  # fmt: skip
    else:
        _print_merged(done)


def _who(connection: Connection, name: str) -> str:
    """The client's id with name and address."""
    from regulars.consent.duplicates import contact
    from regulars.profile.identity import one_client_called

    found = contact(connection, one_client_called(connection, name))
    known = ", ".join(part for part in (found.name, found.email) if part)
    return found.external_id + (f" ({known})" if known else "")


def _print_merged(done: Merged) -> None:
    moved = f"{_count(done.purchases, 'purchase')}, {_count(done.events, 'event')}, {_count(done.emails, 'email')}"
    print_wrapped(f"{done.joined} is joined into {done.client}: {moved} moved.", hanging=0)
    if done.twice:
        which = "1 email was" if done.twice == 1 else f"{done.twice:,} emails were"
        print_wrapped(f"{which} there for both: the ledger keeps both records, and one counts.", indent=2, hanging=0)
    for topic in done.refused:
        what = "marketing" if topic == "marketing" else f"emails on `{topic}`"
        print_wrapped(f"{done.client} gets no more {what}: {done.joined} had said no.", indent=2, hanging=0)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


@click.command("alias")
@click.argument("customer")
@click.argument("names", metavar="ID...", nargs=-1, required=True)
@json_option
@click.pass_obj
def alias_command(command: CommandContext, customer: str, names: tuple[str, ...]) -> None:
    """Let further IDs name CUSTOMER, as a shop, a till or a CRM calls the same person.

    Files and programs may then use any of them. Emails, draws and everything else stay as they are.
    """
    from regulars.consent.duplicates import contact
    from regulars.consent.merge import add_aliases
    from regulars.core.operator_name import operator
    from regulars.db.engine import write
    from regulars.ledger.audit import Action, record
    from regulars.profile.identity import one_client_called

    for name in names:
        if "@" in name or not 0 < len(name.strip()) <= 120:
            raise click.BadParameter(f"`{name}` is no id; a client is found by an address without being told")
    now = clock.system()
    with write(command.engine) as connection:
        key = one_client_called(connection, customer)
        fresh = add_aliases(connection, key, [name.strip() for name in names], now=now, by="alias")
        if fresh:
            subject = f"{contact(connection, key).external_id}: {', '.join(fresh)}"
            record(connection, Action.ALIAS, operator(), subject, None, now, customer_id=key)
    if command.as_json:
        print_json({"added": fresh})
    else:
        already = [name for name in names if name not in fresh]
        for some, words in ((fresh, "now"), (already, "already")):
            if some:
                verb = "names" if len(some) == 1 else "name"
                print_wrapped(f"{', '.join(some)} {words} {verb} {customer}", hanging=0)
