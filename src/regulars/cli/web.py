"""`web`: the pages that emails link to, and the API."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import click

from regulars.cli.command_context import CommandContext
from regulars.core import log_format


@click.command("web")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, help="The port to listen on.")
@click.option("--processes", default=1, show_default=True, help="How many processes answer.")
@click.option(
    "--trust", default="127.0.0.1", show_default=True, metavar="ADDRESSES",
    help="Proxies whose word about the caller's address counts; `*` for all.",
)  # fmt: skip
@click.pass_obj
def web_command(command: CommandContext, host: str, port: int, processes: int, trust: str) -> None:
    """Serve the pages that emails link to: unsubscribe, preferences, surveys; and the API.

    REGULARS_WEB_URL is its public address, with a path if a proxy puts it below one.
    """
    import uvicorn
    from uvicorn.importer import import_from_string

    for warning in command.go_by_rules_in_force():  # an old database, or rules that were never valid, end it now
        click.echo(f"Warning: {warning}", err=True)
    if elsewhere := links_elsewhere(command.settings.web_url, port):
        click.echo(f"Warning: {elsewhere}", err=True)
    os.environ["REGULARS_WORKSPACE"] = str(command.root)
    protocol = "regulars.web.http_protocol"
    # No access log: the links in it are secrets.
    uvicorn.run(
        "regulars.web:from_environment", factory=True, host=host, port=port, workers=processes, access_log=False,
        log_level="warning", ws="none", lifespan="off", forwarded_allow_ips=trust, server_header=False,
        http=import_from_string(f"{protocol}:TimedProtocol"),
        log_config=log_format.uvicorn_config() or uvicorn.config.LOGGING_CONFIG,
        limit_concurrency=import_from_string(f"{protocol}:CONNECTIONS"),
    )  # fmt: skip


def links_elsewhere(web_url: str, port: int) -> str | None:
    """A warning if links in emails lead to another port of this machine than the pages have; else None.

    Any other host name is a proxy, which cannot be checked.
    """
    parts = urlsplit(web_url)
    if parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        return None
    leads = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    if leads == port:
        return None
    host = "[::1]" if parts.hostname == "::1" else parts.hostname
    wanted = parts._replace(scheme="http", netloc=f"{host}:{port}").geturl()
    return f"links in emails lead to {web_url}, but the pages are at port {port}; set REGULARS_WEB_URL={wanted}"
