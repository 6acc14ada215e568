"""The resources of a command: the workspace, its settings, its database, its rules; each opened on first use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.core import clock
from regulars.core.errors import NotFound, RegularsError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from regulars.core.settings import Settings
    from regulars.workspace.folder import Workspace


@dataclass
class CommandContext:
    """The resources of one invocation."""

    given: Path | None
    as_json: bool

    @cached_property
    def root(self) -> Path:
        """The workspace: as given, else this folder or the nearest above it that has campaigns/."""
        if self.given is not None:
            if not (self.given / "campaigns").is_dir():
                raise NotFound("workspace (a folder with campaigns/)", str(self.given))
            return self.given.resolve()
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / "campaigns").is_dir():
                return folder
        raise RegularsError("no campaigns/ here or above; `regulars init DIR` makes a workspace")

    @cached_property
    def settings(self) -> Settings:
        """The settings from the environment, with embedded defaults."""
        from regulars.core import settings

        return settings.load(self.root)

    @cached_property
    def engine(self) -> Engine:
        """The database: the embedded one is upgraded automatically, one on a server must be upgraded by an operator."""
        from regulars.db import upgrade
        from regulars.db.engine import open_engine
        from regulars.operation.database_upgrade import require_address_secret, upgrade_database

        engine = open_engine(self.settings.database_url)
        close_with_command(engine)
        if engine.dialect.name == "sqlite":
            upgrade_database(engine, secret=self.settings.address_secret)
        else:
            upgrade.require_current(engine)
        require_address_secret(engine, self.settings.address_secret)
        return engine

    @cached_property
    def rules(self) -> Workspace:
        """The rules and emails; raises Invalid with every mistake in them."""
        from regulars.workspace.folder import open_workspace

        return open_workspace(self.root)

    def go_by_rules_in_force(self) -> list[str]:
        """Lets the command use the last valid rules while the files are faulty, like workers.

        Returns a sentence for each fault of the environment: the files, the clock; and one where the files differ from
        the version that was applied. Raises Invalid when the files are faulty and no valid version is known.
        """
        from regulars.operation.clock_check import clock_difference
        from regulars.operation.last_sound_rules import RulesInForce

        in_force = RulesInForce(self.root, self.engine)
        click.get_current_context().find_root().call_on_close(in_force.close)
        self.rules = in_force.current()
        found = [in_force.fault, in_force.draft, clock_difference(self.engine, clock.system)]
        return [str(one) for one in found if one is not None]

    def go_by_applied_version(self) -> None:
        """Lets the command use the version that a person applied, like workers; says on stderr if the files differ.

        Where saved files come into force by themselves, the command uses the files.
        """
        from regulars.operation.applied_versions import MANUAL, current

        applied = current(self.engine)
        if applied is not None and applied.mode == MANUAL:
            for note in self.go_by_rules_in_force():
                click.echo(f"note: {note}", err=True)

    def troubles(self) -> list[str]:
        """A sentence for each thing that is wrong around the processes: mail servers, workers' clocks, a full disk."""
        from regulars.operation.surroundings import troubles

        return [one.full for one in troubles(self.engine, clock.system)]

    def stopped(self) -> list[str]:
        """A sentence for each pause, by hand or by a guard, and where emails wait for a worker that does not run."""
        from regulars.operation.surroundings import no_worker, stopped

        return [one.full for one in [*stopped(self.engine), *no_worker(self.engine, clock.system())]]

    def prepare(self) -> tuple[Workspace, Engine]:
        """Opens the rules and the database, or raises for their faults."""
        return self.rules, self.engine

    def now(self, given: str | None) -> datetime:
        """The instant a person named (`2026-06-10`, `2026-06-10 09:30`, with or without zone), or the present."""
        return clock.system() if given is None else moment(given, self.rules.rulebook.company.timezone)


def close_with_command(engine: Engine) -> None:
    """Closes the database's connections when the current command ends, however it ends."""
    click.get_current_context().find_root().call_on_close(engine.dispose)


def moment(text: str, zone: str) -> datetime:
    """An instant from text: a date means noon, a time without a zone is in the company's."""
    from regulars.core.calendar import instant

    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.BadParameter(f"`{text}` is not a time such as 2026-06-10 or 2026-06-10T09:30+03:00") from None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    if len(text.strip()) == 10:
        found = datetime.combine(found.date(), time(12))
    return instant(found, zone)


def json_option(command: Any) -> Any:
    """`--json` after the command as well as before it."""

    def set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            command = ctx.find_object(CommandContext)
            if command is not None:
                command.as_json = True
            ctx.meta["--json"] = True

    return click.option(
        "--json", is_flag=True, expose_value=False, callback=set_json, is_eager=True, help="Print JSON, for machines."
    )(command)


now_option = click.option(
    "--now", metavar="TIME", help="As if it were this time: 2026-06-10, or 2026-06-10T09:30 on the company's clock."
)
