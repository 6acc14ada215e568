"""Files that would take `check` down, or bring in what lies elsewhere: each is a mistake at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.core.diagnostics import Diagnostic
from regulars.core.errors import Invalid
from regulars.workspace.folder import check, open_workspace
from tests.workspace.folders import SOUND, write

pytestmark = pytest.mark.slow

EMAIL = "templates/emails/hello"
BODY, WORDS, SAMPLE = f"{EMAIL}/body.mjml", f"{EMAIL}/words/en.yaml", f"{EMAIL}/sample.yaml"
DEEP = "[" * 3000 + "]" * 3000
LAUGHS = "".join(f"v{n}: &v{n} [{', '.join([f'*v{n - 1}'] * 9) if n else 'ha'}]\n" for n in range(9))


def faults(root: Path) -> list[Diagnostic]:
    workspace, found, _ = check(root)
    assert workspace is None
    with pytest.raises(Invalid):
        open_workspace(root)
    return found


@pytest.mark.parametrize(
    ("file", "text", "code", "line", "says"),
    [
        (SAMPLE, "event: {service: 2026-02-30}\n", "T015", 1, "`2026-02-30` is no value"),
        (SAMPLE, f"event:\n  service: x\n  n: {'9' * 5000}\n", "T015", 3, "is no value"),
        (SAMPLE, f"event: {DEEP}\n", "T015", 1, "nested more than 40 deep"),
        (SAMPLE, "event: &a [*a]\n", "T015", 1, "contains itself"),
        (SAMPLE, LAUGHS, "T015", 5, "more than 20000 values"),
        (SAMPLE, "event: !!python/object:os.system {}\n", "T015", 1, "could not determine a constructor"),
        (SAMPLE, "event: {[a, b]: {c: d}, {e: f}: g}\n", "T015", 1, "unhashable"),
        (SAMPLE, "x" * 600_000, "T015", 1, "larger than 500 kB"),
        (WORDS, f"subject: x\nheading: {DEEP}\n", "T015", 2, "nested more than 40 deep"),
        (WORDS, "subject: x\nheading: &h [*h]\n", "T015", 2, "contains itself"),
        (BODY, SOUND[BODY].replace("{{ event.service }}", "{% if 1 %}" * 101 + "{% endif %}" * 101), "T002", 6,
         "nested more than 15 deep"),
        (BODY, SOUND[BODY].replace("<mj-section>", "<mj-wrapper>" * 3000).replace("</mj-section>",
         "</mj-wrapper>" * 3000), "T010", 3, "nested more than 100 deep"),
        (BODY, SOUND[BODY].replace("{{ event.service }}", "{{ '*' * 10 ** 9 }}"), "T021", 6, "200000 characters"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_a_mistake_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str, code: str, line: int, says: str
) -> None:
    monkeypatch.chdir(write(tmp_path, {file: text}))
    found = [fault for fault in faults(tmp_path) if fault.code == code]
    assert [(fault.span and (fault.span.path, fault.span.line)) for fault in found] == [(file, line)]
    assert says in found[0].message


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (BODY, "T015"),
        (WORDS, "T015"),
        (f"{EMAIL}/words/ro.yaml", "T015"),
        (SAMPLE, "T015"),
        (f"{EMAIL}/body.txt", "T015"),
        ("templates/emails/_base/part.mjml", "T015"),
        ("templates/emails/_base/words/en.yaml", "T015"),
        ("campaigns/thanks.yaml", "Y015"),
        ("campaigns/more.yaml", "Y015"),
    ],
)
def test_a_link_out_of_the_workspace_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str
) -> None:
    root = tmp_path / "shop"
    body = SOUND[BODY].replace("<mj-text>{{ event", '<mj-include path="_base/part.mjml" /><mj-text>{{ event')
    write(root, {BODY: body if "_base/part" in name else SOUND[BODY]})
    secret = tmp_path / "secret"
    secret.write_text("a secret: of ours\n", "utf-8")
    path = root / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(secret)
    monkeypatch.chdir(root)
    found = [fault for fault in faults(root) if fault.code == code]
    assert next(fault.span and fault.span.path for fault in found) == name
    assert "outside" in found[0].message
    assert "of ours" not in str(check(root))


@pytest.mark.parametrize("name", ["campaigns", "templates/emails"])
def test_a_whole_folder_that_lies_elsewhere_is_not_read(tmp_path: Path, name: str) -> None:
    root = write(tmp_path / "shop")
    (root / name).rename(tmp_path / "away")
    (root / name).symlink_to(tmp_path / "away")
    [fault] = faults(root)
    assert (fault.code, name in fault.message) == ("Y015", True)


def test_a_folder_of_an_email_that_lies_elsewhere_is_not_read(tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    (root / EMAIL).rename(tmp_path / "away")
    (root / EMAIL).symlink_to(tmp_path / "away")
    assert "T015" in {fault.code for fault in faults(root)}


def test_links_inside_of_the_workspace_are_followed(tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    (root / BODY).rename(root / EMAIL / "real.mjml")
    (root / BODY).symlink_to("real.mjml")
    linked = tmp_path / "linked"
    linked.symlink_to(root)
    assert check(root)[0] is not None
    assert check(linked)[0] is not None


def test_pictures_from_elsewhere_than_the_company_is_at_home_are_told(tmp_path: Path) -> None:
    picture = '<mj-image src="https://{}/a.png" alt="" /><mj-text>{{{{ event.service }}}}'
    for host, told in (("www.studio.example", 0), ("studio.example", 0), ("cdn.example", 1)):
        body = SOUND[BODY].replace("<mj-text>{{ event.service }}", picture.format(host))
        workspace, found, _ = check(write(tmp_path, {BODY: body}))
        assert workspace is not None
        assert [fault.code for fault in found] == ["T020"] * told
