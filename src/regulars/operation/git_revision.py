"""The git repository that a workspace is in: its commit, and the rule files of another revision.

Git is optional: without it, or outside a repository, nothing is known, and a revision cannot be compared.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from regulars.core.errors import NotFound, RegularsError
from regulars.core.paths import inside
from regulars.workspace.fingerprint import READ_FROM

_SECONDS = 60
"""How long git may take."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit that the workspace's files are at; `dirty`: they have changes that it has not."""

    name: str
    dirty: bool


def commit_of(root: Path) -> Commit | None:
    """The commit of the folder; None without git or a repository."""
    try:
        name = _git(root, "rev-parse", "--verify", "HEAD").decode().strip()
        changed = _git(root, "status", "--porcelain", "--", *READ_FROM)
    except RegularsError:
        return None
    return Commit(name, bool(changed.strip()))


def write_revision(root: Path, revision: str, folder: Path) -> None:
    """Writes the workspace's rule files and emails as they were at the revision into an empty folder.

    Raises NotFound for an unknown revision, RegularsError without git or a repository.
    """
    _git(root, "rev-parse", "--git-dir")
    try:
        commit = _git(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    except RegularsError:
        raise NotFound("version, folder or git revision", revision) from None
    listed = _git(root, "ls-tree", "--name-only", commit, "--", *READ_FROM).decode().split("\n")
    present = [name for name in READ_FROM if name in listed]
    if "campaigns" not in present:
        raise RegularsError(f"at the git revision `{revision}` this folder had no campaigns/")
    archive = _git(root, "archive", "--format=tar", commit, "--", *present)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:  # `extractall` can leave out links and paths that lead out from Python 3.11.4 on only
            content, target = files.extractfile(member) if member.isreg() else None, folder / member.name
            if content is not None and inside(target, folder):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())


def _git(root: Path, *arguments: str) -> bytes:
    try:
        program = shutil.which("git")
        if program is None:
            raise RegularsError("git is not installed here, so no git revision can be read")
        command = [program, "-C", str(root), *arguments]
        done = subprocess.run(  # noqa: S603 - no shell, and a revision is resolved to a commit's name first
            command, capture_output=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise RegularsError(f"git did not answer within {_SECONDS} seconds") from None
    if done.returncode:
        complaint = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RegularsError(f"git: {complaint[-1] if complaint else 'failed'}")
    return done.stdout
