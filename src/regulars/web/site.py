"""Shared resources of all pages: the database, the rules, the secrets of links, the clock."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine

from regulars.core import signing
from regulars.core.clock import Clock
from regulars.core.diagnostics import render
from regulars.core.errors import EnvironmentFailed, Invalid
from regulars.feedback.webhooks.provider_interface import Provider
from regulars.operation import applied_versions
from regulars.operation.applied_versions import MANUAL
from regulars.operation.last_sound_rules import RulesInForce
from regulars.operation.surroundings import Trouble
from regulars.rules.model import Kind
from regulars.web.rate_limit import Limiter
from regulars.web.recipient.hit_writer import HeadRequests, HitWriter
from regulars.workspace.fingerprint import fingerprint
from regulars.workspace.folder import Workspace, open_workspace

_LOG = logging.getLogger(__name__)


@dataclass
class Site:
    """The resources of one web process; handlers share it between threads."""

    engine: Engine
    root: Path
    web_url: str
    secret: bytes = field(repr=False)
    clock: Clock
    links: Limiter = field(default_factory=lambda: Limiter(rate=1.0, burst=60.0), repr=False)
    wrong: Limiter = field(default_factory=lambda: Limiter(rate=0.2, burst=30.0), repr=False)
    keys: Limiter = field(default_factory=lambda: Limiter(rate=50.0, burst=200.0), repr=False)
    """Rate limits of valid links, of invalid ones (by address), and of keys."""
    joins: Limiter = field(default_factory=lambda: Limiter(rate=1 / 30, burst=5.0), repr=False)
    """Rate limit of the sign-up form, by address."""
    head_requests: HeadRequests = field(default_factory=HeadRequests, init=False, repr=False)
    hit_writer: HitWriter = field(init=False, repr=False)
    unready: str = field(default="", init=False, repr=False)
    """The faults of the last `/readyz`."""
    surroundings: list[Trouble] = field(default_factory=list, init=False, repr=False)
    stopped: list[Trouble] = field(default_factory=list, init=False, repr=False)
    surroundings_at: float = field(default=float("-inf"), init=False, repr=False)
    """The faults of the environment, and when they were checked, by the monotonic clock."""
    surroundings_seconds: float = 5.0
    """Seconds between looks at them: each writes a row."""
    reload_seconds: float = 5.0
    """Seconds between checks of the files."""
    old_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """Former secrets of links and keys."""
    mail_webhooks: Mapping[str, Provider] = field(default_factory=dict, repr=False)
    """The sending providers whose webhooks are set up, by name."""
    lanes: Mapping[str, frozenset[str]] = field(default_factory=lambda: {"default": frozenset(Kind)})
    """The kinds of email by lane, for who pauses one."""
    address_secret: bytes = field(default=b"", repr=False)
    """The secret of address hashes; `secret` by default."""
    read: Callable[[Path], Workspace] = field(default=open_workspace, repr=False)
    """The function that loads the rules from their folder."""
    _rules: Workspace | None = field(default=None, init=False, repr=False)
    _in_force: RulesInForce | None = field(default=None, init=False, repr=False)
    """Holds the files of a version from the database."""
    _faults: Invalid | None = field(default=None, init=False, repr=False)
    _fingerprint: str = field(default="", init=False, repr=False)
    _checked_at: float = field(default=float("-inf"), init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self.hit_writer = HitWriter(self.engine)
        self.address_secret = self.address_secret or self.secret

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Every secret with which links and keys are verified."""
        return (self.secret, *self.old_secrets)

    @property
    def prefix(self) -> str:
        """The public path prefix of the site, such as `/mail`; usually empty."""
        return urlsplit(self.web_url).path.rstrip("/")

    @property
    def rules(self) -> Workspace:
        """The rules; while the files are faulty, the last valid ones, so that clients can still unsubscribe."""
        with self._lock:
            if self._rules is not None and time.monotonic() - self._checked_at < self.reload_seconds:
                return self._rules
            self._reload()
            self._checked_at = time.monotonic()
            assert self._rules is not None
            return self._rules

    @property
    def faults(self) -> Invalid | None:
        """The faults of the rule files; None if they are valid."""
        try:
            _ = self.rules
        except Invalid as error:
            return error
        return self._faults

    @property
    def draft(self) -> str | None:
        """How the files on disk differ from the version that a person applied; it is no fault."""
        _ = self.rules
        return None if self._in_force is None else self._in_force.draft

    def _reload(self) -> None:
        """The version applied, whatever the folder has; without one the files, where they have changed."""
        try:
            applied = applied_versions.current(self.engine)
        except EnvironmentFailed:  # pages keep what they have
            if self._rules is not None:
                return
            raise
        if applied is not None and applied.mode == MANUAL:
            if self._in_force is None:
                self._in_force = RulesInForce(self.root, self.engine)
            self._rules, self._faults, self._fingerprint = self._in_force.current(), None, ""
            return
        found = fingerprint(self.root)
        if self._rules is None or found != self._fingerprint:
            self._read(found)

    def _read(self, found: str) -> None:
        try:
            self._rules, self._faults = self.read(self.root), None
        except Invalid as error:
            if self._rules is None:  # just started: use the version stored in the database, if there is one
                self._in_force = RulesInForce(self.root, self.engine)
                self._rules = self._in_force.current()
            self._faults = error
            _LOG.error(
                "the rules have faults; pages keep the former ones\n%s", render(error.diagnostics, error.sources)
            )
        self._fingerprint = found

    def payload(self, purpose: str, token: str) -> str | None:
        """The payload of a valid token."""
        return signing.verify(purpose, token, self.secrets)
