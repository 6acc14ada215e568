"""The demo's business with a part of its campaigns, at 18:00 of its day, when many of its clients are due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from regulars.core import clock, settings
from regulars.db.engine import open_engine
from regulars.demo.business import write_files
from regulars.demo.day import morning
from regulars.importing.options import options_for
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from regulars.operation.database_upgrade import upgrade_database
from regulars.operation.runtime import Runtime
from regulars.workspace.folder import open_workspace
from regulars.workspace.starter import starter

CHOSEN = (
    "birthday", "client-anniversary", "complaint-followup", "new-arrivals", "referral-thanks", "thank-you", "win-back",
)  # fmt: skip
_MORNING = morning("Europe/Chisinau")
EVENING = _MORNING + timedelta(hours=18)


def make_shop(folder: Path, edit: Callable[[Path], None] | None = None) -> tuple[Path, Path]:
    """A workspace without tests, and a SQLite file in which its rules are in force since the noon before.

    `edit` changes the rules before.
    """
    root, database = folder / "shop", folder / "state.sqlite"
    (root / "campaigns").mkdir(parents=True)
    for name in ("company", "surveys", *CHOSEN):
        text = (starter() / "campaigns" / f"{name}.yaml").read_text("utf-8")
        (root / "campaigns" / f"{name}.yaml").write_text(text.partition("\ntests:")[0], "utf-8")
    if edit is not None:
        edit(root)
    workspace = open_workspace(root)
    engine = open_engine(f"sqlite:///{database}")
    given = settings.load(root, {"REGULARS_SMTP_URL": "smtp://localhost:9"})
    upgrade_database(engine, secret=given.address_secret)
    for kind, path in write_files(folder / "data").items():
        options = options_for(workspace.rulebook)
        import_file(engine, Kind(kind), path, now=_MORNING, secret=given.address_secret, options=options)
    runtime = Runtime(given, engine, clock.system)
    runtime.plan(clock.frozen(_MORNING - timedelta(hours=12)))
    runtime.close()
    return root, database
