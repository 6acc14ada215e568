"""The codes of files that cannot be read: Y."""

from __future__ import annotations

from regulars.rules.codes import Code, campaign

YAML = (
    Code(
        "Y001",
        "Not YAML",
        "The file breaks the rules of YAML at this place, so nothing after it can be read.",
        campaign("about: Who comes back: a discount", "on: purchase"),
        campaign('about: "Who comes back: a discount"', "on: purchase"),
    ),
    Code(
        "Y002",
        "Tab in the indentation",
        "YAML is indented with spaces only. Most editors can be told to insert spaces when you press Tab.",
        "campaigns:\n\twin-back:\n\t\ton: purchase\n\t\temail: win-back\n",
        campaign("on: purchase"),
    ),
    Code(
        "Y003",
        "Key written twice",
        "A key stands once in its mapping; otherwise one of its two values would be lost without a word.",
        campaign("on: purchase", "priority: 3", "priority: 5"),
        campaign("on: purchase", "priority: 5"),
    ),
    Code(
        "Y004",
        "YAML tag",
        "Words that begin with `!` are tags: they tell some programs to make objects. Rule files have none.",
        campaign("on: !!str purchase"),
        campaign("on: purchase"),
    ),
    Code(
        "Y005",
        "Alias without an anchor",
        "`*name` repeats a value that was marked `&name` above. No value was marked so; perhaps a text that begins"
        " with `*` lacks its quotes.",
        campaign("on: purchase", "about: *motto"),
        campaign("on: purchase", 'about: "*motto"'),
    ),
    Code(
        "Y006",
        "Alias that contains itself",
        "An alias stands inside the very value it repeats, or aliases unfold to more values than any rule file has.",
        campaign("on: purchase", "cc: &all [*all]"),
        campaign("on: purchase", "cc: [manager]"),
    ),
    Code(
        "Y007",
        "Not UTF-8",
        "Rule files are text in UTF-8. Save the file again with that encoding; every editor offers it.",
        campaign("on: purchase", "about: déjà vu"),
        campaign("on: purchase", "about: déjà vu"),
        encoding="latin-1",
    ),
    Code(
        "Y008",
        "Control character",
        "There is a character that is no text, often left behind by copying from another program. Delete it.",
        campaign("on: purchase", "about: ring the \x07 bell"),
        campaign("on: purchase", "about: ring the bell"),
    ),
    Code(
        "Y009",
        "Second document",
        "A line of three hyphens begins a new YAML document; a rule file is one document.",
        campaign("on: purchase") + "---\ntests: []\n",
        campaign("on: purchase") + "tests: []\n",
    ),
    Code(
        "Y010",
        "Merge key",
        "`<<` would pull keys in from elsewhere. A rule says all that it means where it stands.",
        "campaigns:\n  thanks: &base {on: purchase, email: thanks}\n  again: {<<: *base, priority: 2}\n",
        "campaigns:\n  thanks: {on: purchase, email: thanks}\n  again: {on: purchase, email: thanks, priority: 2}\n",
    ),
    Code(
        "Y011",
        "Key that is not text",
        "A key is a plain word. Text that begins with `{` or `[` needs quotes, or YAML takes it for something else.",
        campaign("on: purchase", "about: {{ customer.name }}"),
        campaign("on: purchase", 'about: "{{ customer.name }}"'),
    ),
    Code(
        "Y012",
        "Not a mapping",
        "A rule file consists of `company:`, `policy:`, `events:`, `fields:`, `campaigns:` and `tests:`, any of them.",
        "- win-back\n- birthday\n",
        campaign("on: purchase"),
    ),
    Code(
        "Y013",
        "Empty file",
        "The file has nothing in it but space and comments.",
        "# to be written\n",
        campaign("on: purchase"),
        warning=True,
    ),
    Code(
        "Y014",
        "Nested too deeply",
        "Values are nested more than forty levels deep, which no rule needs.",
        campaign("on: purchase", "cc: " + "[" * 50 + "]" * 50),
        campaign("on: purchase", "cc: [manager]"),
    ),
    Code(
        "Y015",
        "File that cannot be read",
        "The system refuses to open the file, or it has over two megabytes. Check what it is, and who may read it.",
        "",
        "",
    ),
)
