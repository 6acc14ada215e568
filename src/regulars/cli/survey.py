"""`survey`: the answers of clients."""

from __future__ import annotations

from dataclasses import asdict

import click

from regulars.cli.command_context import CommandContext, json_option, moment
from regulars.cli.output import print_json, print_wrapped, table
from regulars.core.diagnostics import nearest
from regulars.core.errors import NotFound


@click.command("survey")
@click.argument("name")
@click.option("--since", metavar="TIME", help="Only answers since then, such as 2026-01-01.")
@json_option
@click.pass_obj
def survey_command(command: CommandContext, name: str, since: str | None) -> None:
    """Count the answers to the survey NAME, question by question."""
    from regulars.db.engine import read
    from regulars.responses.survey_results import results

    book = command.rules.rulebook
    survey = book.surveys.get(name)
    if survey is None:
        raise NotFound("survey", name, nearest(name, book.surveys))
    if since and len(since.strip()) == 10:
        since = f"{since.strip()}T00:00"  # from the beginning of the day
    with read(command.engine) as connection:
        found = results(connection, survey, moment(since, book.company.timezone) if since else None)
    if command.as_json:
        print_json({"survey": name, "questions": [asdict(result) for result in found]})
        return
    for result in found:
        mean = f", {result.mean:.1f} on average" if result.mean is not None else ""
        nps = f", net promoter score {result.nps:+.0f}" if result.nps is not None else ""
        heading = f"{result.question}: {result.answered} answered{mean}{nps}"
        if result.counts:
            table(heading, ("answer", "clients"), [(a, str(n)) for a, n in result.counts.items()], numbers=(1,))
        else:
            click.echo(heading)
            for words in result.words:
                print_wrapped(f"“{words}”", indent=2)
