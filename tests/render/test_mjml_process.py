"""The process that compiles MJML: it may die, and nothing dies with it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from regulars.render import mjml, mjml_process
from regulars.render.compile import Templates
from regulars.render.mjml_process import Compiler, CompilerFailed
from tests.render.conftest import FRAME, STARTER

LETTER = FRAME.format("<mj-text>Hello {}</mj-text>")
DEADLY = (
    FRAME.format("").replace("<mj-section>", "<mj-wrapper>" * 4000).replace("</mj-section>", "</mj-wrapper>" * 4000)
)


@pytest.fixture
def compiler() -> object:
    made = Compiler()
    yield made
    made.stop()


def running(compiler: Compiler) -> int:
    process = compiler._process
    assert process is not None
    return process.pid


def test_an_email_that_kills_the_compiler_is_refused_and_the_next_is_compiled(compiler: Compiler) -> None:
    with pytest.raises(CompilerFailed, match=r"broke down over this email \(SIG(SEGV|ABRT|BUS|ILL)\)"):
        compiler.compile(DEADLY)
    assert "Hello after" in compiler.compile(LETTER.format("after"))


def test_one_process_serves_many_emails(compiler: Compiler) -> None:
    compiler.compile(LETTER.format(0))
    first = running(compiler)
    assert all(f"Hello {number}" in compiler.compile(LETTER.format(number)) for number in range(50))
    assert running(compiler) == first


def test_a_process_that_ended_in_peace_is_started_anew(compiler: Compiler) -> None:
    compiler.compile(LETTER.format(1))
    process = compiler._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # as when it has waited for long
    assert process.wait() == 0
    process.stdin = open(os.devnull, "wb")  # noqa: SIM115, PTH123 - closed by `stop`
    assert "Hello 2" in compiler.compile(LETTER.format(2))
    assert running(compiler) != process.pid


def test_an_email_that_takes_too_long_is_refused(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler.compile(LETTER.format(1))
    os.kill(running(compiler), signal.SIGSTOP)  # it answers no more
    monkeypatch.setattr(mjml_process, "SECONDS", 0.05)
    with pytest.raises(CompilerFailed, match="was not done within"):
        compiler.compile(LETTER.format(1))
    monkeypatch.undo()
    assert "Hello 2" in compiler.compile(LETTER.format(2))


def test_what_the_compiler_says_of_bad_mjml_is_passed_on(compiler: Compiler) -> None:
    with pytest.raises(CompilerFailed, match=r"\S"):
        compiler.compile("<mjml><mj-body><mj-section></mj-body></mjml>")
    with pytest.raises(CompilerFailed, match="longer than"):
        compiler.compile("x" * (mjml_process.MAX_SOURCE + 1))


def test_a_forked_process_has_a_compiler_of_its_own() -> None:
    mjml_process.compile_mjml(LETTER.format(1))
    before = mjml_process._COMPILER
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        made = mjml_process._COMPILER is not before and "Hello 2" in mjml_process.compile_mjml(LETTER.format(2))
        mjml_process._COMPILER.stop()
        os._exit(0 if made else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "Hello 3" in mjml_process.compile_mjml(LETTER.format(3))


def test_an_email_is_compiled_once_for_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = mjml_process.compile_mjml

    def compile_and_note(source: str) -> str:
        asked.append(source)
        return real(source)

    monkeypatch.setattr(mjml_process, "compile_mjml", compile_and_note)
    mjml._compiled.cache_clear()
    for _ in range(3):
        Templates([STARTER], "en").compiled("win-back", "en")
    assert len(asked) == 1


def test_the_compiler_runs_as_a_file_and_knows_nothing_of_the_package() -> None:
    text = Path(str(mjml_process.__file__)).with_name("mjml_child.py").read_text("utf-8")
    assert "regulars" not in text
