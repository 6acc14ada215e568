"""`make release-check`: builds what would be published and looks at it as a stranger would get it.

1. Version, changelog and tag-to-be agree; the metadata is valid and an index can show the README.
2. The sdist builds the wheel, and the wheel holds what it should.
3. Wheel and sdist, each in an empty environment without any extra: the command, a new workspace, the demo.
4. The fast tests, on the wheel, under every supported Python that is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path

from packaging.metadata import Metadata
from readme_renderer import markdown

from regulars import __version__

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
WORK = ROOT / ".cache" / "release"
PYTHONS = ("3.11", "3.12", "3.13")
"""As the classifiers of pyproject.toml say; a test holds that."""
_EXTRAS = ("psycopg", "redis", "numpy", "scipy")
_PINS = WORK / "pins.txt"


class Failed(Exception):
    """The release cannot go out like this; the message says why."""


def main() -> int:
    """Runs every check in turn and stops at the first that fails; the exit code."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    _PINS.write_text(without_hashes((ROOT / "constraints.txt").read_text("utf-8")), "utf-8")
    try:
        _told("changelog", changelog_fault((ROOT / "CHANGELOG.md").read_text("utf-8"), __version__))
        wheel, sdist = _built()
        _run(sys.executable, "-m", "check_wheel_contents", wheel)
        _told("wheel's metadata", metadata_fault(_metadata(wheel), __version__))
        for package in (wheel, sdist):
            _plain_install(package)
        missing = [version for version in PYTHONS if not _suite(version, wheel)]
    except Failed as reason:
        print(f"not fit to release: {reason}", file=sys.stderr)
        return 1
    for version in missing:
        print(f"note: Python {version} is not installed here, nothing was tested on it")
    if ".example/" in (ROOT / "pyproject.toml").read_text("utf-8"):
        print("note: [project.urls] still leads to the reserved domain .example; name the public addresses first")
    print(f"Regulars {__version__} is fit to release: dist/{wheel.name}, dist/{sdist.name}")
    return 0


def changelog_fault(text: str, version: str) -> str | None:
    """What keeps the changelog from being the one of this version, or None."""
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    if not sections:
        return "it has no section `## [VERSION] - DATE`"
    found = re.fullmatch(r"\[(.+)\] - \d{4}-\d{2}-\d{2}", sections[0])
    if found is None or found[1] != version:
        return f"its topmost section is `{sections[0]}`; the version is {version}"
    top = text.split(f"## {sections[0]}", 1)[1].split("\n## ", 1)[0]
    kinds = re.findall(r"^### (.+)$", top, re.MULTILINE)
    strange = [kind for kind in kinds if kind not in {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}]
    return f"`### {strange[0]}` is no kind of change" if strange else None if kinds else "it lists no change"


def metadata_fault(raw: bytes, version: str) -> str | None:
    """What is wrong with a wheel's metadata, its README included, or None."""
    known = Metadata.from_email(raw, validate=True)
    if str(known.version) != version:
        return f"its version is {known.version}, not {version}"
    if not known.project_urls:
        return "it has no project URLs"
    kind = BytesParser().parsebytes(raw)["Description-Content-Type"]
    shown = markdown.render(known.description or "", variant="GFM") if kind == "text/markdown" else None
    if not shown or "<h1>" not in re.sub(r"<h1[^>]*>", "<h1>", shown):
        return "an index cannot show its README"
    return None


def without_hashes(constraints: str) -> str:
    """The pins alone: pip takes no local wheel beside hashes."""
    return "".join(
        f"{line.rstrip(' ' + chr(92))}\n" for line in constraints.splitlines() if re.match(r"[\w.-]+==", line)
    )


def _built() -> tuple[Path, Path]:
    shutil.rmtree(DIST, ignore_errors=True)
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", DIST, ROOT)  # the wheel is made from the sdist
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, sdist


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        return file.read(name)


def _plain_install(package: Path) -> None:
    """The package in an empty environment, without extras, far from the checkout."""
    python = _environment(sys.executable, f"plain-{package.suffix[1:]}")
    _run(python, "-m", "pip", "install", "--quiet", "-c", _PINS, package)
    hidden = f"import importlib.util as u; print([n for n in {_EXTRAS} if u.find_spec(n)])"
    with tempfile.TemporaryDirectory(prefix="regulars-release-") as folder:
        _expect(f"{package.name} brings an extra's package", "[]", _run(python, "-c", hidden, folder=folder))
        command = python.parent / "regulars"
        _expect("--version", __version__, _run(command, "--version", folder=folder))
        _run(command, "init", "shop", folder=folder)
        _expect("check", "no mistakes", _run(command, "-w", "shop", "check", folder=folder))
        _expect("test", " 0 failed", _run(command, "-w", "shop", "test", folder=folder))
        _expect("demo", "explain", _run(command, "demo", "--dir", "demo", folder=folder))


def _suite(version: str, wheel: Path) -> bool:
    """The fast tests on the wheel under that Python; False when it is not installed."""
    interpreter = next(interpreters(version), None)
    if interpreter is None:
        return False
    python = _environment(interpreter, f"suite-{version}")
    _run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", ROOT / "constraints.txt")
    _run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    _run(python, "-m", "pytest", "-q", "--fast", "-n", str(os.cpu_count() or 2), folder=ROOT, show=True)
    return True


def interpreters(version: str) -> Iterator[str]:
    """The installed Pythons of that version: this one, those on PATH that start, those of pyenv."""
    wanted = tuple(map(int, version.split(".")))
    if sys.version_info[:2] == wanted:
        yield sys.executable
    found = [shutil.which(f"python{version}", path=folder) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]
    for path in dict.fromkeys(filter(None, found)):
        # A shim of pyenv is on PATH for a version that is not chosen, and fails; Debian's may have no venv.
        if subprocess.run([path, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0:
            yield path


def _environment(interpreter: str, name: str) -> Path:
    """The Python of a new, empty environment."""
    print(f"… {name}", flush=True)
    folder = WORK / name
    _run(interpreter, "-m", "venv", "--clear", folder)
    return folder / "bin" / "python"


def _run(*command: str | Path, folder: str | Path = WORK, show: bool = False) -> str:
    """The command's output; raises Failed with all of it when the command fails."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("REGULARS_", "PYTHON"))}
    done = subprocess.run(
        command, cwd=folder, env={**inherited, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}")
    if show:
        print("\n".join(done.stdout.splitlines()[-3:]), flush=True)
    return done.stdout


def _expect(what: str, word: str, output: str) -> None:
    if word not in output:
        raise Failed(f"{what}: `{word}` is not in its output:\n{output}")


def _told(what: str, fault: str | None) -> None:
    if fault is not None:
        raise Failed(f"{what}: {fault}")


if __name__ == "__main__":
    sys.exit(main())
