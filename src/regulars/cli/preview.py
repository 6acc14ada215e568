"""`preview` and `send-test`: an email as a client would get it, on this machine or in your own inbox."""

from __future__ import annotations

import asyncio
import webbrowser
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli import local_inbox
from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import print_json
from regulars.core.errors import EnvironmentFailed, RegularsError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from regulars.delivery.parcel import Result
    from regulars.preview.preview import Preview

_customer = click.option("--customer", metavar="ID", help="A client by id or address; default: the email's sample.")
_step = click.option("--step", metavar="NAME", help="One email of a sequence; default: all.")
_variant = click.option("--variant", metavar="NAME", help="One variant; default: the client's, or all of the sample.")
_locale = click.option("--locale", metavar="LANG", help="Another language than the client's.")


@click.command("preview")
@click.argument("campaign", required=False)
@_customer
@_step
@_variant
@_locale
@click.option(
    "--format", "form", type=click.Choice(["text", "html", "eml", "json"]), default="text", show_default=True,
    help="What to print or write.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write files into this folder.")
@click.option("--open", "show", is_flag=True, help="Open the HTML, or the live page, in a browser.")
@click.option("--live", is_flag=True, help="Serve a page on this machine that follows the files as they are saved.")
@click.option("--port", default=8025, show_default=True, help="The port of --live.")
@now_option
@json_option
@click.pass_obj
def preview_command(
    command: CommandContext, campaign: str | None, customer: str | None, step: str | None, variant: str | None,
    locale: str | None, form: str, out: Path | None, show: bool, live: bool, port: int, now: str | None,
) -> None:  # fmt: skip
    """Show the emails of CAMPAIGN as a client would get them, by the code that sends them.

    With --live every language, variant and step stand side by side in a page, for a phone or a desk, light or dark,
    and change when a file is saved; faults of the files stand above them.
    """
    from regulars.preview.preview import preview

    if live:
        _serve(command, campaign, customer, port, show=show)
        return
    if campaign is None:
        raise click.UsageError("name a CAMPAIGN, or use --live")

    engine = None if customer is None else command.engine
    found = preview(
        engine, command.rules, campaign, customer=customer, step=step, now=command.now(now), locale=locale,
        settings=command.settings, variant=variant,
    )  # fmt: skip
    if out is not None or show:
        paths = _write(found, out or command.settings.var / "previews", "html" if show else form)
        for path in paths:
            click.echo(str(path))
            if show:
                webbrowser.open(path.resolve().as_uri())
    elif command.as_json or form == "json":
        print_json({"emails": [one.to_json() for one in found]})
    else:
        click.echo("\n\n".join(_printed(one, form) for one in found))


def _serve(command: CommandContext, campaign: str | None, customer: str | None, port: int, *, show: bool) -> None:
    """Until Ctrl-C; on this machine only."""
    import uvicorn

    from regulars.core import clock
    from regulars.preview.live_files import LiveFiles
    from regulars.preview.live_server import LiveServer

    files = LiveFiles(command.root)
    engine = None if customer is None else command.engine
    server = LiveServer(files, command.settings, clock.system, engine, customer)
    address = f"http://127.0.0.1:{port}/{f'#{campaign}' if campaign else ''}"
    click.echo(f"{address}\nIt follows the files; Ctrl-C ends it.")
    files.start()
    try:
        if show:
            webbrowser.open(address)
        uvicorn.run(
            server.application(), host="127.0.0.1", port=port, log_level="warning", access_log=False, ws="none",
            lifespan="off", timeout_graceful_shutdown=1,
        )  # fmt: skip
    finally:
        files.stop()


def _printed(one: Preview, form: str) -> str:
    if form == "html":
        return one.html
    if form == "eml":
        return one.eml.decode("utf-8", "replace").replace("\r\n", "\n")
    copies = f"\nCc:      {', '.join(one.cc)}" if one.cc else ""
    notes = "".join(f"\nNote:    {warning}" for warning in one.warnings)
    variant = "" if one.variant is None else f"Variant: {one.variant}\n"
    return (
        f"{variant}From:    {one.sender}\nTo:      {one.to}{copies}\nSubject: {one.subject}\n         {one.preheader}"
        f"{notes}\n\n{one.text}"
    )


def _write(found: list[Preview], folder: Path, form: str) -> list[Path]:
    import orjson

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for one in found:
        which = "" if one.variant is None else f"{one.variant}."
        path = folder / f"{one.campaign}.{one.step}.{which}{one.locale}.{'txt' if form == 'text' else form}"
        content = {
            "text": one.text.encode(), "html": one.html.encode(), "eml": one.eml, "json": orjson.dumps(one.to_json()),
        }[form]  # fmt: skip
        path.write_bytes(content)
        paths.append(path)
    return paths


@click.command("send-test")
@click.argument("campaign")
@click.option("--to", "address", required=True, metavar="ADDR", help="Whom to send it to.")
@_customer
@_step
@_variant
@_locale
@now_option
@json_option
@click.pass_obj
def send_test_command(
    command: CommandContext,
    campaign: str,
    address: str,
    customer: str | None,
    step: str | None,
    variant: str | None,
    locale: str | None,
    now: str | None,
) -> None:
    """Send the emails of CAMPAIGN to ADDR, marked as a test; its links do not work."""
    engine = None if customer is None else command.engine
    try:
        results = asyncio.run(_send(command, engine, campaign, address, customer, step, variant, locale, now))
    except ValueError as error:
        raise RegularsError(str(error)) from error
    if command.as_json:
        print_json(
            {
                "sent": [
                    {"step": p.step, "variant": p.variant, "outcome": r.outcome, "server": r.text} for p, r in results
                ]
            }
        )
    else:
        for one, result in results:
            click.echo(f"{one.subject}: {result.outcome} ({result.text})")
    if any(result.outcome != "accepted" for _, result in results):
        hint = "" if local_inbox.server_is_named() else local_inbox.HINT
        raise EnvironmentFailed(f"the mail server did not take every email{hint}")


async def _send(
    command: CommandContext, engine: Engine | None, campaign: str, address: str, customer: str | None, step: str | None,
    variant: str | None, locale: str | None, now: str | None,
) -> list[tuple[Preview, Result]]:  # fmt: skip
    from regulars.operation.lanes import open_lanes
    from regulars.preview.preview import send_test

    lanes = open_lanes(command.settings, command.rules.rulebook.delivery)
    async with AsyncExitStack() as stack:
        for lane in lanes:
            await stack.enter_async_context(lane.transport)
        return await send_test(
            engine, command.rules, campaign, address, lanes, customer=customer, step=step,
            now=command.now(now), locale=locale, settings=command.settings, variant=variant,
        )  # fmt: skip
