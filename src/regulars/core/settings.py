"""Where Regulars runs: URLs and secrets from the environment, with an embedded default for each.

Every setting is an environment variable `REGULARS_…`; docs/settings.md lists them. Secrets that are not
given are made once per workspace and kept in `var/secret` with mode 0600.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from regulars.core.errors import EnvironmentFailed


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process needs to know of its surroundings."""

    workspace: Path
    database_url: str
    broker_url: str
    smtp_url: str
    smtp_transactional_url: str | None
    web_url: str
    secret: bytes = field(repr=False)
    lease_seconds: float = 60.0
    batch: int = 1000
    chunk: int = 100

    @property
    def var(self) -> Path:
        """The workspace's folder for what Regulars itself writes."""
        return self.workspace / "var"


def load(workspace: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the workspace; raises EnvironmentFailed for one that cannot be used."""
    env = os.environ if environ is None else environ
    root = workspace.resolve()
    var = root / "var"
    return Settings(
        workspace=root,
        database_url=env.get("REGULARS_DATABASE_URL", f"sqlite:///{var / 'regulars.sqlite'}"),
        broker_url=env.get("REGULARS_BROKER_URL", f"sqla+sqlite:///{var / 'broker.sqlite'}"),
        smtp_url=env.get("REGULARS_SMTP_URL", "smtp://127.0.0.1:2525"),
        smtp_transactional_url=env.get("REGULARS_SMTP_TRANSACTIONAL_URL"),
        web_url=env.get("REGULARS_WEB_URL", "http://127.0.0.1:8000").rstrip("/"),
        secret=_secret(env, var),
        lease_seconds=_number(env, "REGULARS_LEASE_SECONDS", 60.0),
        batch=int(_number(env, "REGULARS_BATCH", 1000)),
        chunk=int(_number(env, "REGULARS_CHUNK", 100)),
    )


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(env.get(name, default))
    except ValueError:
        raise EnvironmentFailed(f"{name} is `{env[name]}`; expected a number") from None
    if value <= 0:
        raise EnvironmentFailed(f"{name} is `{env[name]}`; expected a number above zero")
    return value


def _secret(env: Mapping[str, str], var: Path) -> bytes:
    given = env.get("REGULARS_SECRET")
    if given:
        return given.encode()
    path = var / "secret"
    try:
        var.mkdir(mode=0o700, parents=True, exist_ok=True)  # the database is in it
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return path.read_bytes().strip()
        with os.fdopen(handle, "wb") as file:
            made = secrets.token_hex(32).encode()
            file.write(made)
            return made
    except OSError as error:
        raise EnvironmentFailed(f"cannot keep the secret in {path}: {error.strerror}") from error
