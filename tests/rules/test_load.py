"""Files brought together: sections, order, places, and faults of several files in one go."""

from __future__ import annotations

from pathlib import Path

from regulars.core.diagnostics import Diagnostic, render
from regulars.rules.loader import Loaded, load, rule_files
from tests.rules.folders import COMPANY, read, same_as_snapshot, write


def codes(loaded: Loaded) -> list[str]:
    return [d.code for d in loaded.diagnostics]


def test_campaigns_of_all_files_come_together(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "b.yaml": "campaigns:\n  b: {on: purchase, email: b}\n",
            "deep/er/a.yml": "campaigns:\n  a: {on: visit, email: a}\nevents:\n  visit: {}\n",
            ".hidden.yaml": "not: [yaml",
            ".git/x.yaml": "not: [yaml",
            "notes.txt": "not: [yaml",
        },
    )
    loaded = load(folder)
    assert loaded.diagnostics == []
    assert loaded.rulebook is not None
    assert set(loaded.rulebook.campaigns) == {"a", "b"}
    assert set(loaded.rulebook.events) == {
        "purchase",
        "email.bounced",
        "email.clicked",
        "email.complained",
        "visit",
        "meeting.completed",
    }
    assert sorted(loaded.sources) == ["campaigns/b.yaml", "campaigns/company.yaml", "campaigns/deep/er/a.yml"]


def test_company_is_read_first_then_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.yaml": "", "z/company.yaml": "", "B.yaml": ""})
    names = [path.relative_to(folder).as_posix() for path in rule_files(folder)]
    assert names == ["company.yaml", "B.yaml", "a.yaml", "z/company.yaml"]


def test_a_campaign_in_two_files_names_both_places(tmp_path: Path) -> None:
    text = "campaigns:\n  thanks: {on: purchase, email: thanks%s}\n"
    loaded = load(write(tmp_path, {"a.yaml": text % "", "b.yaml": text % ", late: soon"}))
    assert codes(loaded) == ["R011", "R003"]
    assert "campaigns/a.yaml:2:3" in loaded.diagnostics[0].message
    assert str(loaded.diagnostics[0].span and loaded.diagnostics[0].span.path) == "campaigns/b.yaml"


def test_a_broken_file_hides_no_fault_that_stands_in_another(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.yaml": "campaigns: [",
        "b.yaml": b"campaigns: \xff",
        "c.yaml": "campaigns:\n\tx: 1\n",
        "d.yaml": "campaigns:\n  thanks: {on: purchased, email: thanks}\n  more: {on: purchase, priority: high}\n",
    }
    loaded = load(write(tmp_path, files))
    assert codes(loaded) == ["Y001", "Y007", "Y002", "R008", "R003"]
    assert loaded.rulebook is None


def test_a_broken_company_file_is_not_also_called_missing(tmp_path: Path) -> None:
    assert codes(load(write(tmp_path, {"company.yaml": "company: [\n"}))) == ["Y001"]


def test_what_was_sound_is_there_as_a_draft(tmp_path: Path) -> None:
    loaded = read(tmp_path, "campaigns:\n  a: {on: purchase, email: a}\n  b: {on: purchase, email: b, late: soon}\n")
    assert loaded.rulebook is None
    assert loaded.draft is not None
    assert set(loaded.draft.campaigns) == {"a"}


def test_an_empty_folder_and_a_missing_one(tmp_path: Path) -> None:
    for folder in (tmp_path / "campaigns", tmp_path / "nowhere"):
        if folder.name == "campaigns":
            folder.mkdir()
        loaded = load(folder)
        assert codes(loaded) == ["R022"]
        assert loaded.diagnostics[0].hint is not None


def test_files_without_a_company(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, {"company.yaml": "campaigns: {}\n"}))
    assert codes(loaded) == ["R022"]


def test_a_link_to_nowhere_and_a_folder_called_yaml(tmp_path: Path) -> None:
    folder = write(tmp_path, {"sub.yaml/inner.yaml": "campaigns: {}\n"})
    (folder / "gone.yaml").symlink_to(folder / "nowhere")
    loaded = load(folder)
    assert codes(loaded) == ["Y015"]
    assert "No such file" in loaded.diagnostics[0].message


def test_a_file_of_three_megabytes(tmp_path: Path) -> None:
    assert codes(read(tmp_path, "#" * 3_000_000)) == ["Y015"]


def test_a_byte_order_mark_and_line_ends_of_windows(tmp_path: Path) -> None:
    loaded = read(tmp_path, "\ufeffcampaigns:\r\n  thanks:\r\n    on: purchsae\r\n    email: thanks\r\n".encode())
    assert codes(loaded) == ["R013"]
    place = loaded.diagnostics[0].span
    assert place is not None
    assert (place.line, place.column, place.length) == (3, 9, 8)


def test_paths_are_shown_from_the_display_root(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.yaml": ""})
    assert next(iter(load(folder, tmp_path.parent).sources)).endswith("/campaigns/company.yaml")
    assert next(iter(load(folder, folder).sources)) == "company.yaml"


def test_values_keep_what_the_author_typed(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "company: {name: 2026, from: a@studio.example, address: 007, locale: no, phone: 1_000}\n"
        "policy: {quiet_hours: 20:00-09:00, send_at: 10:30}\n"
        "campaigns:\n  thanks: {on: purchase, email: yes, enabled: no, late: 14 days}\n",
    )
    assert loaded.diagnostics == [], render(loaded.diagnostics, loaded.sources)
    book = loaded.rulebook
    assert book is not None
    company = book.company
    assert (company.name, company.address, company.locale, company.phone) == ("2026", "007", "no", "1_000")
    assert f"{book.policy.send_at:%H:%M}" == "10:30"
    campaign = book.campaigns["thanks"]
    assert (campaign.on, campaign.email, campaign.enabled) == ("purchase", "yes", False)


def test_the_company_is_called_by_each_language_as_it_is_there(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "company:\n  name: {en: Verde, uk: Верде}\n  from: a@studio.example\n"
        "  address: {ro: Str. Florilor 7, en-GB: 7 Flower Street}\n  locale: ro\n",
    )
    assert loaded.rulebook is not None
    company = loaded.rulebook.company
    assert (company.name, company.address) == ("Verde", "Str. Florilor 7"), "the first where its own has none"
    found = {locale: company.localized(locale) for locale in ("uk-UA", "en-GB", "et", "ro")}
    assert {locale: (one.name, one.address) for locale, one in found.items()} == {
        "uk-UA": ("Верде", "Str. Florilor 7"),
        "en-GB": ("Verde", "7 Flower Street"),
        "et": ("Verde", "Str. Florilor 7"),
        "ro": ("Verde", "Str. Florilor 7"),
    }
    assert found["uk-UA"].localized("uk-UA").name == "Верде"
    assert company.name == "Verde", "it stays as it is"


def test_a_shared_value_is_read_in_each_place_and_blamed_once(tmp_path: Path) -> None:
    text = (
        "campaigns:\n  a: {on: purchase, email: a, offer: &o {coupon: {percent: 500}}}\n"
        "  b: {on: purchase, email: b, offer: *o}\n"
    )
    assert codes(read(tmp_path, text)) == ["R005"]
    sound = read(tmp_path, text.replace("500", "50")).rulebook
    assert sound is not None
    assert sound.campaigns["a"].offer == sound.campaigns["b"].offer


EVERYTHING = """\
campaign: {}
policy: {late: 3 dayz, quiet: x}
campaigns:
  Bad Name:
    on: meeting.complete
    email: x
  a:
    name: x
    when: x
    at: [1970-01-01, 2026-02-30]
    steps: [{email: x}, {email: x, if: ""}]
    goal: purchse within 3 days
    offer: {coupon: {percent: 500, gift: x, valid: [1, 2]}}
    kind: markting
    prority: high
    priority: high
  b: hello
  c:
    every: year since customer.birtday
    was: a
tests:
  - customer: {shoe_siz: 1, birthday: 1900-01-01, shoe_size: big, overdue: 1}
    on: 2026-13-10
    events: [{name: nope, at: 1}]
    expect: {c: {sbject: x}, a: {step: y}}
"""


def test_thirty_faults_in_one_go(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, {"rules.yaml": EVERYTHING}))
    same_as_snapshot("thirty-faults.txt", render(loaded.diagnostics, loaded.sources))
    assert len(loaded.diagnostics) >= 30


def test_faults_of_yaml_as_they_print(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.yaml": 'campaigns:\n  thanks:\n    about: "never closed\n    on: purchase\n',
        "b.yaml": "campaigns:\n\tthanks:\n\t\ton: purchase\n",
        "c.yaml": "campaigns:\n  thanks: &loop {on: purchase, email: thanks, cc: *loop}\n",
        "d.yaml": "campaigns:\n  thanks: {email: !!python/name:os.system }\n",
        "e.yaml": "campaigns:\n  спасибо: {on: purchase, email: thanks}\n",
        "f.yaml": "policy:\n  quiet_hours: 20:00-09:00\n",
    }
    loaded = load(write(tmp_path, files))
    same_as_snapshot("faults-of-yaml.txt", render(loaded.diagnostics, loaded.sources))


def test_a_fault_as_data(tmp_path: Path) -> None:
    fault: Diagnostic = read(tmp_path, "campaigns:\n  thanks: {on: purchase, emial: thanks, email: x}\n").diagnostics[0]
    assert fault.to_dict() == {
        "code": "R001",
        "severity": "error",
        "path": "campaigns/rules.yaml",
        "line": 2,
        "column": 26,
        "length": 5,
        "message": "`emial` is not a key of the campaign `thanks`",
        "expected": fault.expected,
        "hint": "did you mean `email`?",
    }


def test_the_company_of_the_tests_is_sound(tmp_path: Path) -> None:
    assert load(write(tmp_path, {"company.yaml": COMPANY})).diagnostics == []


def test_a_draft_without_a_sound_company_still_has_the_rest(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, {"company.yaml": "company: {}\ncampaigns:\n  a: {on: purchase, email: a}\n"}))
    assert codes(loaded) == ["R002", "R002", "R002"]
    assert loaded.rulebook is None
    assert loaded.draft is not None
    assert set(loaded.draft.campaigns) == {"a"}
