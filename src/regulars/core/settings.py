"""Settings: URLs and secrets from the environment, with an embedded default for each.

Every setting is an environment variable `REGULARS_…`; docs/settings.md lists them. Missing secrets are
created once per workspace and stored in `var/secret` and `var/address-secret` with mode 0600.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from regulars.core.errors import EnvironmentFailed
from regulars.core.paths import make_private

_RECIPIENTS = re.compile(r"[^@\s]*@[^@\s]+")
_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAME_IN_DNS = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*")


@dataclass(frozen=True, slots=True)
class DkimSettings:
    """Which key signs emails, and for which domain."""

    key: Path
    domain: str
    selector: str


MAIL_WEBHOOKS: Mapping[str, str] = {
    "ses": "REGULARS_SES_TOPIC",
    "sendgrid": "REGULARS_SENDGRID_KEY",
    "mailgun": "REGULARS_MAILGUN_KEY",
    "postmark": "REGULARS_POSTMARK_SECRET",
    "brevo": "REGULARS_BREVO_SECRET",
    "resend": "REGULARS_RESEND_SECRET",
}
"""The variables that open a provider's webhook, `/hooks/mail/PROVIDER`."""


SMTP_URL_OF = "REGULARS_SMTP_URL_"
"""Begins the variables that hold the URLs of named mail servers."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process."""

    workspace: Path
    database_url: str
    broker_url: str
    smtp_url: str
    smtp_transactional_url: str | None
    web_url: str
    secret: bytes = field(repr=False)
    """Signs links and keys."""
    old_secrets: tuple[bytes, ...] = field(repr=False)
    """Former secrets, the latest first: links and keys signed with them remain valid."""
    address_secret: bytes = field(repr=False)
    """Keys the hashes of addresses; it never changes."""
    dkim: DkimSettings | None = None
    only_to: tuple[str, ...] = ()
    """Nobody else is mailed: addresses, and domains with `@` before them. Empty: no restriction."""
    mail_webhooks: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Keys, secrets or topics of sending providers' webhooks, by provider: those that are set."""
    smtp_urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The URLs of named mail servers, by the variable that holds each."""
    dns: str | None = None
    """The name server `HOST[:PORT]` that tells the mail providers of domains; None: this machine's, `off`: none."""
    lease_seconds: float = 60.0
    batch: int = 1000
    chunk: int = 100
    bounces: str | None = field(default=None, repr=False)
    """The mailbox that workers read what came back from; its URL can hold a password."""
    alert_email: tuple[str, ...] = ()
    """Who is told by email of what stops mail."""
    webhook_networks: tuple[Network, ...] = ()
    """Networks of this company to which webhooks may be posted, beside the public internet."""

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Every secret with which links and keys are verified."""
        return (self.secret, *self.old_secrets)

    @property
    def var(self) -> Path:
        """The workspace's folder for what Regulars itself writes."""
        return self.workspace / "var"


def load(workspace: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the workspace; raises EnvironmentFailed for one that cannot be used."""
    env = os.environ if environ is None else environ
    root = workspace.resolve()
    var = root / "var"
    secret, *old_secrets = _secrets(env, var)
    return Settings(
        workspace=root,
        database_url=env.get("REGULARS_DATABASE_URL", f"sqlite:///{var / 'regulars.sqlite'}"),
        broker_url=env.get("REGULARS_BROKER_URL", f"sqla+sqlite:///{var / 'broker.sqlite'}"),
        smtp_url=env.get("REGULARS_SMTP_URL", "smtp://127.0.0.1:2525"),
        smtp_transactional_url=env.get("REGULARS_SMTP_TRANSACTIONAL_URL"),
        web_url=env.get("REGULARS_WEB_URL", "http://127.0.0.1:8000").rstrip("/"),
        secret=secret,
        old_secrets=tuple(old_secrets),
        address_secret=_address_secret(env, var, [secret, *old_secrets][-1]),
        dkim=_dkim(env, root),
        only_to=only_to(env),
        mail_webhooks={name: env[key].strip() for name, key in MAIL_WEBHOOKS.items() if env.get(key, "").strip()},
        smtp_urls={key: url for key, url in env.items() if key.startswith(SMTP_URL_OF) and url.strip()},
        dns=env.get("REGULARS_DNS", "").strip() or None,
        lease_seconds=_number(env, "REGULARS_LEASE_SECONDS", 60.0),
        batch=int(_number(env, "REGULARS_BATCH", 1000)),
        chunk=int(_number(env, "REGULARS_CHUNK", 100)),
        bounces=env.get("REGULARS_BOUNCES") or None,
        alert_email=_addresses(env, "REGULARS_ALERT_EMAIL"),
        webhook_networks=_networks(env, "REGULARS_WEBHOOK_NETWORKS"),
    )


def _dkim(env: Mapping[str, str], root: Path) -> DkimSettings | None:
    """The three settings of DKIM; a key's path is relative to the workspace."""
    names = ("REGULARS_DKIM_KEY", "REGULARS_DKIM_DOMAIN", "REGULARS_DKIM_SELECTOR")
    key, domain, selector = (env.get(name, "").strip() for name in names)
    if not (key or domain or selector):
        return None
    for name, value in zip(names[:2], (key, domain), strict=True):
        if not value:
            raise EnvironmentFailed(f"{name} is missing: signing needs a key and the sender's domain")
    for name, value in zip(names[1:], (domain, selector or "regulars"), strict=True):
        if not _NAME_IN_DNS.fullmatch(value):
            raise EnvironmentFailed(f"{name} is `{value}`; expected a name such as studio.example")
    return DkimSettings(root / key, domain.lower(), selector or "regulars")


def only_to(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The patterns of REGULARS_ONLY_TO, empty where it is not set. Raises EnvironmentFailed for another text.

    A setting that is there and says nothing is a mistake too: it was meant to restrict.
    """
    env = os.environ if environ is None else environ
    if "REGULARS_ONLY_TO" not in env:
        return ()
    found = tuple(pattern.strip() for pattern in env["REGULARS_ONLY_TO"].split(",") if pattern.strip())
    for pattern in found or ("",):
        if not _RECIPIENTS.fullmatch(pattern):
            raise EnvironmentFailed(
                f"REGULARS_ONLY_TO: `{pattern}` is neither a domain such as `@studio.example` nor an address"
            )
    return found


def _addresses(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Email addresses with commas between. Raises EnvironmentFailed for another text."""
    found = tuple(one.strip() for one in env.get(name, "").split(",") if one.strip())
    for one in found:
        if not _ADDRESS.fullmatch(one):
            raise EnvironmentFailed(f"{name} is `{one}`; expected an address such as anna@studio.example")
    return found


def _networks(env: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """Networks such as 10.1.0.0/16 with commas between. Raises EnvironmentFailed for another text."""
    try:
        return tuple(ipaddress.ip_network(one.strip()) for one in env.get(name, "").split(",") if one.strip())
    except ValueError as error:
        raise EnvironmentFailed(f"{name}: {error}; expected networks such as 10.1.0.0/16") from None


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(env.get(name, default))
    except ValueError:
        raise EnvironmentFailed(f"{name} is `{env[name]}`; expected a number") from None
    if value <= 0:
        raise EnvironmentFailed(f"{name} is `{env[name]}`; expected a number above zero")
    return value


def _secrets(env: Mapping[str, str], var: Path) -> list[bytes]:
    """The signing secret, then former ones: from the environment, or the lines of `var/secret`."""
    old = [one.strip().encode() for one in env.get("REGULARS_OLD_SECRETS", "").split(",") if one.strip()]
    given = env.get("REGULARS_SECRET")
    kept = [given.encode()] if given else _secret_file(var / "secret", None).split(b"\n")
    return [one for one in (line.strip() for line in kept) if one] + old


def _address_secret(env: Mapping[str, str], var: Path, oldest: bytes) -> bytes:
    """The secret for address hashes. Its default is the first link secret, which earlier versions used for both."""
    given = env.get("REGULARS_ADDRESS_SECRET")
    if given:
        return given.encode()
    path = var / "address-secret"
    if path.exists() or not env.get("REGULARS_SECRET"):
        return _secret_file(path, oldest)
    return oldest


def _secret_file(path: Path, first: bytes | None) -> bytes:
    """The content of the file; a new file gets `first` or a random secret. Raises EnvironmentFailed."""
    var = path.parent
    try:
        make_private(var)  # the database is in it
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            if found := path.read_bytes().strip():
                return found
            raise EnvironmentFailed(f"{path} is empty: put back the secret that was in it") from None
        with os.fdopen(handle, "wb") as file:
            made = first or secrets.token_hex(32).encode()
            file.write(made)
            return made
    except OSError as error:
        raise EnvironmentFailed(f"cannot keep the secret in {path}: {error.strerror}") from error
