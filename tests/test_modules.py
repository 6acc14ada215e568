"""Rules about modules and their names. Each rule here has, below it, a test that it catches what it should."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from regulars.cli import COMMANDS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
ENGINE = SRC / "regulars"


def module_name(path: Path) -> str:
    """The dotted name of a file below src/."""
    return path.relative_to(SRC).as_posix()[:-3].replace("/", ".").removesuffix(".__init__")


MODULES = {module_name(path): path.read_text("utf-8") for path in sorted(ENGINE.rglob("*.py"))}
FACES = {module_name(path): path.read_text("utf-8") for path in sorted(ENGINE.rglob("__init__.py"))}


# ---------------------------------------------------------------- faces

FACES_WITH_CODE = {
    "regulars": "the version",
    "regulars.cli": "the list of commands, read without importing any of them; the entry point of the wheel",
    "regulars.workers": "`celery -A regulars.workers` looks for `app` here",
    "regulars.web": "`uvicorn regulars.web:from_environment` looks for the factory here",
    "regulars.db.tables": "brings the modules of tables together: a table counts only once its module is imported",
}


def statements_of(source: str) -> list[ast.stmt]:
    """The statements of a module besides its docstring."""
    body = ast.parse(source).body
    return body[1:] if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else body


def test_a_room_s_init_holds_its_docstring_only() -> None:
    assert [name for name in FACES if name not in FACES_WITH_CODE and statements_of(FACES[name])] == []
    assert [name for name in FACES if ast.get_docstring(ast.parse(FACES[name])) is None] == []


def test_every_exemption_of_a_face_is_needed() -> None:
    assert [name for name in FACES_WITH_CODE if not statements_of(FACES.get(name, ""))] == []


def private_imports(module: str, source: str) -> list[str]:
    """Imports of modules or names that begin with `_` from another room."""
    room = module.split(".")[:2]
    return [
        target for target in imports(source) if target.split(".")[:1] == ["regulars"] and target.split(".")[:2] != room
        and any(part.startswith("_") and not part.startswith("__") for part in target.split("."))
    ]  # fmt: skip


def test_nothing_private_is_imported_from_another_room() -> None:
    found = {name: private_imports(name, source) for name, source in MODULES.items()}
    assert {name: targets for name, targets in found.items() if targets} == {}


def test_a_face_with_code_and_a_private_import_are_found() -> None:
    assert len(statements_of('"""A room."""\nfrom a import b\n')) == 1
    source = "from regulars.db import _x\nfrom regulars.db._y import z\nfrom regulars.db.tables import _t\n"
    assert len(private_imports("regulars.ledger.claims", source)) == 3
    assert private_imports("regulars.db.engine", source) == []
    assert private_imports("regulars.ledger.claims", "from regulars import __version__") == []


# ---------------------------------------------------------------- basenames

FURNITURE = {
    "app": "the application object of Celery and of ASGI, under the name that both look for",
    "__init__": "a package",
    "env": "Alembic's own name",
}
# A door's module is named for the command or page it serves, so it may share the name of the room's module behind it.
DOORS = ("regulars.cli", "regulars.web.recipient")


def repeated(modules: Iterable[str]) -> dict[str, list[str]]:
    """Basenames that several modules have, doors and furniture apart."""
    found = defaultdict(list)
    for name in modules:
        if not name.startswith(tuple(f"{door}." for door in DOORS)):
            found[name.rpartition(".")[2]].append(name)
    return {base: names for base, names in found.items() if len(names) > 1 and base not in FURNITURE}


def test_no_two_modules_share_a_name() -> None:
    assert repeated(name for name in MODULES if name not in FACES) == {}


def test_a_command_s_module_has_the_name_of_a_command_or_of_its_own() -> None:
    doors = {name.rpartition(".")[2]: name for name in MODULES if name.startswith("regulars.cli.")}
    inside = {name.rpartition(".")[2] for name in MODULES if not name.startswith("regulars.cli.") and name not in FACES}
    commands = {name.replace("-", "_") for name in COMMANDS}
    assert sorted(base for base in doors if base in inside and base not in commands) == []


def test_a_repeated_name_is_found() -> None:
    names = [
        "regulars.rules.load",
        "regulars.dispatch.load",
        "regulars.cli.load",
        "regulars.web.app",
        "regulars.workers.app",
    ]
    assert repeated(names) == {"load": ["regulars.rules.load", "regulars.dispatch.load"]}


# ---------------------------------------------------------------- small files

SMALL = 25
"""Lines below which a module had better live with its only user."""
SMALL_ALL_THE_SAME = {
    "regulars.web.recipient.view": "a page: each page of recipients has its module",
}


def small_with_one_user(modules: Mapping[str, str]) -> dict[str, str]:
    """Modules under SMALL lines that exactly one other module imports, with its name."""
    users = defaultdict(set)
    for name, source in modules.items():
        for target in imports(source):
            for candidate in (target, target.rpartition(".")[0]):
                if candidate in modules and candidate != name:
                    users[candidate].add(name)
    return {
        name: next(iter(users[name])) for name, source in modules.items()
        if len(source.splitlines()) < SMALL and len(users[name]) == 1
    }  # fmt: skip


def test_no_small_file_could_live_with_its_only_user() -> None:
    found = small_with_one_user(
        {name: source for name, source in MODULES.items() if name not in FACES or name in FACES_WITH_CODE}
    )
    found = {name: user for name, user in found.items() if name not in FACES}
    assert {name: user for name, user in found.items() if name not in SMALL_ALL_THE_SAME} == {}
    assert [name for name in SMALL_ALL_THE_SAME if name not in found] == []


def test_a_small_file_with_one_user_is_found() -> None:
    long = "x = 1\n" * SMALL
    modules = {"r.a": "X = 1", "r.b": "from r.a import X\n" + long, "r.c": "Y = 1", "r.d": "from r import c\n" + long,
               "r.e": "from r.c import Y\n" + long}  # fmt: skip
    assert small_with_one_user(modules) == {"r.a": "r.b"}


# ---------------------------------------------------------------- circles

CIRCLES: dict[frozenset[str], str] = {}
"""Circles that close only by an import inside a function, and why they may."""


def imports(source: str, *, lazy: bool = True) -> Iterator[str]:
    """What a module imports, as `module` or `module.name`; `lazy`: inside functions too. TYPE_CHECKING counts."""
    tree = ast.parse(source)
    inside = {
        inner for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }  # fmt: skip
    for node in ast.walk(tree):
        if node in inside and not lazy:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def graph(modules: Mapping[str, str], *, lazy: bool) -> dict[str, set[str]]:
    """By module, the modules it imports."""
    return {
        name: {
            found for target in imports(source, lazy=lazy)
            for found in [target if target in modules else target.rpartition(".")[0]]
            if found in modules and found != name
        }
        for name, source in modules.items()
    }  # fmt: skip


def circles(edges: Mapping[str, set[str]]) -> set[frozenset[str]]:
    """The sets of modules each of which can be reached from every other: Tarjan's components of more than one."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: set[frozenset[str]] = set()

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for target in sorted(edges[name]):
            if target not in order:
                visit(target)
            if target in stack:
                lowest[name] = min(lowest[name], lowest[target])
        if lowest[name] == order[name]:
            at = stack.index(name)
            members, stack[at:] = frozenset(stack[at:]), []
            if len(members) > 1:
                found.add(members)

    for name in edges:
        if name not in order:
            visit(name)
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(graph(MODULES, lazy=False)) == set()


def test_only_known_circles_close_inside_a_function() -> None:
    assert circles(graph(MODULES, lazy=True)) == set(CIRCLES)


def test_a_circle_is_found() -> None:
    eager = {
        "r.a": "from r.b import X",
        "r.b": "from r import c",
        "r.c": "if TYPE_CHECKING:\n    from r.a import Y",
        "r.d": "",
    }
    assert circles(graph(eager, lazy=False)) == {frozenset({"r.a", "r.b", "r.c"})}
    late = {"r.a": "from r.b import X", "r.b": "def f():\n    from r.a import Y"}
    assert circles(graph(late, lazy=False)) == set()
    assert circles(graph(late, lazy=True)) == {frozenset({"r.a", "r.b"})}
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "d"}}) == {frozenset({"b", "c"})}
