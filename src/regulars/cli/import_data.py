"""`import`: files into the database, with a look at their columns first."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from regulars.cli import column_dialog, import_options
from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.import_report import print_report
from regulars.cli.output import print_json, print_wrapped, progress_bar
from regulars.core import clock

if TYPE_CHECKING:
    from regulars.importing.column_review import Review
    from regulars.importing.consent_columns import ConsentState
    from regulars.importing.layout import Layout
    from regulars.importing.options import ImportOptions
    from regulars.importing.report import ImportReport, Kind


@click.command("import")
@click.argument("kind", callback=import_options.kind_option)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--map",
    "mapping",
    multiple=True,
    callback=import_options.mapping_option,
    metavar="COLUMN=FIELD",
    help="Say what a column is; `COLUMN=-` leaves it out.",
)
@click.option("--dates", type=click.Choice(["dmy", "mdy", "excel"]), help="How to read 03/04/2025, or 45123.")
@click.option("--decimal", type=click.Choice([".", ","]), help="How to read 1,234.")
@click.option(
    "--scale",
    multiple=True,
    callback=import_options.scale_option,
    metavar="COLUMN=FACTOR",
    help="Of amounts: `amount=0.01` where they are in cents.",
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    callback=import_options.statuses_option,
    metavar="WORD=MEANING",
    help="Of orders: what a status means: paid, unpaid or refunded.",
)
@click.option(
    "--consent",
    multiple=True,
    callback=import_options.consent_option,
    metavar="WORD=ANSWER",
    help="Of clients: what a word about consent means: yes, no, never, blocked, bounced, complained, or `-`: nothing.",
)
@click.option("--pool", metavar="NAME", help="Of coupons: the pool that rules take the codes from.")
@click.option("--encoding", help="Where the file is neither UTF-8 nor UTF-16.")
@click.option("--sheet", metavar="NAME", help="Of a spreadsheet: the sheet, where several have data.")
@click.option(
    "--bad-rows", type=click.Path(path_type=Path, dir_okay=False), help="Write refused rows here, to mend and import."
)
@click.option("--strict", is_flag=True, help="Refuse a client for a birthday, zone or language that cannot be read.")
@click.option(
    "--from", "profile", metavar="PROFILE", is_eager=True, callback=import_options.profile_option,
    help="The tool that has written the file, such as shopify-orders; `--from list` lists them.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what each column becomes, and what is open; write nothing.")
@click.option("--keep", is_flag=True, help="Keep these answers for files with the same columns, in imports.yaml.")
@json_option
@click.pass_obj
@click.pass_context
def import_command(
    ctx: click.Context, command: CommandContext, kind: str, file: Path, mapping: dict[str, str],
    dates: Literal["dmy", "mdy", "excel"] | None, decimal: Literal[".", ","] | None, pool: str | None,
    encoding: str | None, bad_rows: Path | None, scale: dict[str, Decimal], statuses: dict[str, str], strict: bool,
    consent: dict[str, ConsentState | None], dry_run: bool, keep: bool, sheet: str | None,
    profile: str | None,
) -> None:  # fmt: skip
    """Import a CSV, JSON Lines or spreadsheet FILE of one KIND.

    KIND is customers, purchases, products, events, managers, appointments, coupons, redemptions or suppressions; or, of
    an export, aliases, consents, preferences or ledger. Importing a file again changes nothing.

    At a terminal it shows what each column becomes and asks where that is not certain; the answers are kept in
    imports.yaml for the next file with these columns. Elsewhere what is not certain is refused.

    Valid rows are imported, faulty rows are reported by line and reason (exit code 1). An import never resubscribes
    a client and never lifts a suppression.
    """
    from regulars.importing.layout import Layout
    from regulars.importing.options import options_for
    from regulars.importing.report import Kind

    options = replace(
        options_for(command.rules.rulebook), encoding=encoding, sheet=sheet, bad_rows=bad_rows, pool=pool, strict=strict
    )
    stated = Layout(mapping, dates, decimal, scale, statuses, consent)
    asked = _Import(command, Kind(kind), file, options)
    layout = asked.known(stated, profile)
    if dry_run:
        ctx.exit(asked.show(layout))
    layout = asked.settled(layout, keep=keep)
    report = asked.run(layout)
    if command.as_json:
        print_json(report.to_dict())
    else:
        print_report(report, file)
    ctx.exit(1 if report.bad_total else 0)


@dataclass(frozen=True, slots=True)
class _Import:
    """One file, and how it comes in."""

    command: CommandContext
    kind: Kind
    file: Path
    options: ImportOptions

    def known(self, stated: Layout, profile: str | None) -> Layout:
        """What is stated now, else what was answered for such a file before, else what the profile says."""
        from regulars.importing.column_review import header_of
        from regulars.importing.layout_answers import NAME, kept_layout
        from regulars.importing.profiles import PROFILES, profile_layout

        if profile is not None:
            if PROFILES[profile].kind is not self.kind:
                raise click.BadParameter(f"`{profile}` is a profile of {PROFILES[profile].kind}, not of {self.kind}")
            header = header_of(self.kind, self.file, self.options)
            stated = stated.over(profile_layout(profile, header, str(self.file)))
        if not (self.command.root / NAME).exists():
            return stated
        kept = kept_layout(self.command.root, self.kind, header_of(self.kind, self.file, self.options))
        if kept != type(kept)() and not self.command.as_json:
            print_wrapped(f"columns are read as answered before, see {NAME}")
        return stated.over(kept)

    def review(self, layout: Layout) -> Review:
        """What would become of the file."""
        from regulars.importing.column_review import review_file

        secret = self.command.settings.address_secret
        return review_file(self.kind, self.file, layout, self.options, now=clock.system(), secret=secret)

    def show(self, layout: Layout) -> int:
        """Prints what would become of the file; returns 1 where something is open."""
        review = self.review(layout)
        if self.command.as_json:
            print_json({"kind": str(self.kind), **asdict(review)})
        else:
            column_dialog.show_columns(review)
            column_dialog.show_questions(review)
        return 1 if review.questions else 0

    def settled(self, layout: Layout, *, keep: bool) -> Layout:
        """The layout with the answers of whoever is at the terminal; they are kept."""
        from regulars.importing.column_review import header_of
        from regulars.importing.layout_answers import keep_layout

        if column_dialog.at_terminal() and not self.command.as_json:
            layout, _, answered = column_dialog.settle(layout, self.review)
            keep = keep or answered
        if keep:
            header = header_of(self.kind, self.file, self.options)
            path = keep_layout(self.command.root, self.kind, header, layout)
            if not self.command.as_json:
                print_wrapped(f"the answers for files with these columns are kept in {path.name}; commit it")
        return layout

    def run(self, layout: Layout) -> ImportReport:
        """Imports the file."""
        from regulars.importing.service import import_file

        with progress_bar(f"Importing {self.file.name}", quiet=self.command.as_json) as progress:
            return import_file(
                self.command.engine, self.kind, self.file, now=clock.system(),
                secret=self.command.settings.address_secret, mapping=layout.mapping,
                options=layout.applied(self.options), progress=progress,
            )  # fmt: skip
