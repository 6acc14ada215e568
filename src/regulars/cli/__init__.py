"""The `regulars` command: its list of commands, read without importing any of them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from regulars import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module below regulars.cli, one line of help)
    "init": ("init", "Create a workspace with starter rules and emails."),
    "check": ("check", "Find every mistake in the rules and emails."),
    "lint": ("lint", "Look for what is sound, and will disappoint."),
    "describe": ("check", "Describe each campaign in plain sentences."),
    "schema": ("check", "Print the JSON Schema of rule files, for editors."),
    "import": ("import_data", "Import customers, purchases, products, events or managers."),
    "audience": ("audience", "Count who matches a condition, and who of them may be mailed."),
    "plan": ("plan", "Show who would get what, without sending anything."),
    "diff": ("apply", "Show what the files would change, and who gains or loses an email."),
    "forecast": ("forecast", "Show the emails of the coming days by hour, against the rates."),
    "simulate": ("simulate", "Live through past days again by these rules, and compare."),
    "apply": ("apply", "Put the files into force, on every machine."),
    "history": ("history", "List the versions that came into force, by whom and why."),
    "rollback": ("apply", "Put an older version into force again."),
    "log": ("history", "List what people did."),
    "show": ("show", "Show what a client received, and from which version of the rules."),
    "preview": ("preview", "Show an email as a client would get it."),
    "send-test": ("preview", "Send an email to yourself as a test."),
    "explain": ("explain", "Explain why a client got, or did not get, an email."),
    "test": ("test", "Run the tests of the rule files on a simulated clock."),
    "tick": ("processes", "Plan and send once, for cron and for testing."),
    "retry": ("processes", "Retry now what a mail server did not accept."),
    "up": ("processes", "Run everything on this machine: worker, scheduler and web pages."),
    "worker": ("processes", "Run a Celery worker."),
    "beat": ("processes", "Run the Celery scheduler."),
    "web": ("web", "Serve the pages that emails link to, and the API."),
    "report": ("report", "Count what was sent, held and skipped, with reasons."),
    "bounces": ("bounces", "Record what came back: bounces, complaints, requests to unsubscribe."),
    "inbound": ("bounces", "Take what comes back from a mail server, by SMTP or LMTP."),
    "doctor": ("doctor", "Look at everything that mail needs, and say what to do."),
    "learn": ("learn", "Learn purchase probability, client value and next products."),
    "pause": ("pauses", "Stop the emails of a campaign, of a lane, or all."),
    "resume": ("pauses", "Let paused emails go on."),
    "cancel": ("pauses", "Skip what is planned or held of a campaign."),
    "canary": ("pauses", "Let a few emails of a campaign go first."),
    "pauses": ("pauses", "List what is paused, by whom, why, and how to resume."),
    "restored": ("restored", "Go on from a backup: hold what may have been sent since."),
    "webhooks": ("webhooks", "Show the programs that are told of what happens, and how that goes."),
    "survey": ("survey", "Count the answers to a survey."),
    "demo": ("demo", "Run one day of a small business, from import to inbox."),
    "export": ("export", "Export all clients, purchases, events …, or all data of one client."),
    "erase": ("personal_data", "Erase a client permanently; the address stays suppressed."),
    "duplicates": ("duplicates", "List the addresses that several clients have."),
    "merge": ("duplicates", "Merge two clients who are one person."),
    "alias": ("duplicates", "Add further ids of a client."),
    "suppress": ("suppressions", "Suppress an address, or those in a file."),
    "unsuppress": ("suppressions", "Lift the suppression of an address."),
    "suppressions": ("suppressions", "List the suppressed addresses."),
    "key": ("personal_data", "Create an API key for a till, a shop or a CRM."),
    "db": ("database", "Upgrade the database to the schema of this version."),
}
NEVER_HINTED = frozenset(
    {
        "erase",
        "suppress",
        "unsuppress",
        "tick",
        "retry",
        "merge",
        "alias",
        "resume",
        "cancel",
        "restored",
        "apply",
        "rollback",
    }
)
"""Commands never suggested for a typing mistake: their effects on people, or emails, cannot be undone."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as for any program ended by a signal."""


class Commands(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None with click's own hint at the nearest name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"regulars.cli.{COMMANDS[cmd_name][0]}")
        found: click.Command = getattr(module, cmd_name.replace("-", "_") + "_command")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click, with a hint at the nearest command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from regulars.core.diagnostics import nearest

            close = nearest(args[0], COMMANDS)
            harmless = close is not None and close not in NEVER_HINTED
            hint = f"did you mean `{close}`?" if harmless else "`regulars --help` lists the commands"
            ctx.fail(f"no command `{args[0]}`; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; an expected error becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:
            from regulars.cli.error_output import foreseen, print_error

            known = foreseen(error)
            if known is None:
                raise
            print_error(known, as_json=bool(ctx.params.get("as_json")) or "--json" in ctx.meta)
            ctx.exit(known.exit_code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="regulars")
@click.option(
    "-w", "--workspace", type=click.Path(path_type=Path), envvar="REGULARS_WORKSPACE", metavar="DIR",
    help="The folder with campaigns/ and templates/; default: this folder, or the nearest above it.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
@click.pass_context
def main(ctx: click.Context, workspace: Path | None, as_json: bool) -> None:
    """Turn one-time buyers into regular clients by email.

    Campaigns are rules in files; `plan` shows who would get what before anything is sent.

    Exit codes: 0 fine, 1 your files or data are wrong, 2 usage, 3 a server or database failed.
    """
    from regulars.cli.command_context import CommandContext

    ctx.obj = CommandContext(given=workspace, as_json=as_json)
