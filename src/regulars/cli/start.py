"""`init`: a new workspace from the starter."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from regulars.cli.door import Door, json_option
from regulars.cli.output import emit
from regulars.core.errors import RegularsError


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@json_option
@click.pass_obj
def init_command(door: Door, folder: Path) -> None:
    """Make a workspace in FOLDER: rules under campaigns/, emails under templates/emails/.

    Nothing that is there already is touched.
    """
    from regulars.workspace import starter

    taken = [room for room in ("campaigns", "templates") if (folder / room).exists()]
    if taken:
        raise RegularsError(f"{folder / taken[0]} is there already; nothing was changed")
    source = starter()
    for room in ("campaigns", "templates"):
        shutil.copytree(source / room, folder / room, ignore=shutil.ignore_patterns("README.md", "__pycache__"))
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("var/\n", encoding="utf-8")
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.yaml"))
    if door.as_json:
        emit({"workspace": str(folder), "files": files})
        return
    click.echo(f"Made a workspace in {folder}: {len(list((folder / 'campaigns').glob('*.yaml')))} rule files.")
    click.echo(f"Next: put your company into {folder / 'campaigns' / 'company.yaml'}, then `regulars check`.")
