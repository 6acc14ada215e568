"""`init`: a new workspace from the starter."""

from __future__ import annotations

import json
from pathlib import Path

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import print_json
from regulars.core.errors import RegularsError

SCHEMA = "rules.schema.json"
"""The file of a new workspace that editors complete with."""


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option(
    "--starter", "kind", metavar="KIND", help="For one kind of business: salon, b2b or shop. Default: all plays."
)
@json_option
@click.pass_obj
def init_command(command: CommandContext, folder: Path, kind: str | None) -> None:
    """Create a workspace in FOLDER: rules under campaigns/, emails under templates/emails/.

    Existing files are not changed.
    """
    from regulars.workspace.starter import make

    taken = [room for room in ("campaigns", "templates") if (folder / room).exists()]
    if taken:
        raise RegularsError(f"{folder / taken[0]} is there already; nothing was changed")
    make(folder, kind)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("var/\n", encoding="utf-8")
    _help_editors(folder)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.yaml"))
    if command.as_json:
        print_json({"workspace": str(folder), "files": files})
        return
    click.echo(f"Made a workspace in {folder}: {len(list((folder / 'campaigns').glob('*.yaml')))} rule files.")
    click.echo(f"Next: put your company into {folder / 'campaigns' / 'company.yaml'}, then `regulars check`.")


def _help_editors(folder: Path) -> None:
    """The schema of rule files, and the settings by which Visual Studio Code and editors like it find it."""
    from regulars.cli.check import schema_text

    (folder / SCHEMA).write_text(schema_text(folder) + "\n", encoding="utf-8")
    settings = folder / ".vscode" / "settings.json"
    if not settings.exists():
        settings.parent.mkdir(exist_ok=True)
        wired = {"yaml.schemas": {f"./{SCHEMA}": "campaigns/*.yaml"}}
        settings.write_text(json.dumps(wired, indent=2) + "\n", encoding="utf-8")
