"""`learn`: what clients' histories say about them."""

from __future__ import annotations

import click

from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import emit


@click.command("learn")
@now_option
@json_option
@click.pass_obj
def learn_command(command: CommandContext, now: str | None) -> None:
    """Learn from all purchases: who still buys, what clients are worth, what is bought next.

    The scheduler does it every night; rules read the results as `p_alive`, `clv` and `next_product`.
    """
    from regulars.operation.learn import learn

    found = learn(command.engine, command.now(now))
    if command.as_json:
        emit({"buying": found.buying, "spending": found.spending, "valued": found.valued, "links": found.links})
        return
    click.echo("Learned how clients buy." if found.buying else "Too few clients who bought to learn how they buy.")
    click.echo(f"{found.valued:,} clients valued; {found.links:,} products known to follow another.")
