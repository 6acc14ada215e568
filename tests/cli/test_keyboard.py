"""What a marketer's editor and continuous integration use: the schema of a new workspace, JUnit, `test --watch`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen
from xml.etree import ElementTree as ET

import pytest

from tests.cli.conftest import Project, write_tests
from tests.common.deployment import ROOT
from tests.common.servers import free_port, wait_for

pytestmark = pytest.mark.slow


def test_results_as_junit_for_continuous_integration(project: Project) -> None:
    write_tests(project.root, [{"name": "never", "customer": {}, "on": "2026-05-31", "expect": {"win-back": {}}}])
    out = project.root / "results.xml"
    assert project.run("test", "--junit", str(out)).exit_code == 1
    suite = ET.parse(out).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message")


def test_a_new_workspace_completes_names_in_an_editor(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "cli.py", "init", tmp_path / "w"], check=True, capture_output=True)
    wired = json.loads((tmp_path / "w" / ".vscode" / "settings.json").read_text("utf-8"))
    (schema,) = wired["yaml.schemas"]
    found = json.loads((tmp_path / "w" / schema).read_text("utf-8"))["$defs"]
    assert "birthday" in found["Step"]["properties"]["email"]["examples"]
    assert "visit.done" in found["Campaign"]["properties"]["on"]["examples"]
    (condition, _) = found["Campaign"]["properties"]["when"]["anyOf"]
    assert "customer.last_purchase_at" in condition["examples"]


def test_watching_runs_again_after_an_edit(project: Project) -> None:
    program = [sys.executable, "-u", str(ROOT / "cli.py"), "-w", str(project.root), "test", "--watch"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as watching:
        assert watching.stdout is not None
        try:
            assert any(line == "2 passed, 0 failed\n" for line in watching.stdout)
            company = project.root / "campaigns" / "company.yaml"
            sound = company.read_text("utf-8")
            company.write_text(sound.replace("timezone", "timezon"), encoding="utf-8")
            assert any("timezon" in line for line in watching.stdout)
            company.write_text(sound, encoding="utf-8")
            assert any(line == "2 passed, 0 failed\n" for line in watching.stdout)
        finally:
            watching.terminate()


def test_the_live_page_is_served_on_this_machine_until_ctrl_c(project: Project) -> None:
    port = free_port()
    program = [sys.executable, str(ROOT / "cli.py"), "-w", str(project.root), "preview", "win-back"]
    with subprocess.Popen(
        [*program, "--live", "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        assert serving.stdout.readline() == f"http://127.0.0.1:{port}/#win-back\n"
        wait_for(lambda: _campaigns(port) == {"birthday", "thank-you", "win-back"}, "the page knows the campaigns", 60)
        serving.send_signal(signal.SIGINT)
        assert "Traceback" not in serving.communicate(timeout=60)[1]


def _campaigns(port: int) -> set[str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}/state", timeout=10) as answer:
            return set(json.load(answer)["campaigns"])
    except OSError:
        return set()
