"""What an import makes of each column, as a table, and the questions about it, asked at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.output import print_wrapped, table

if TYPE_CHECKING:
    from regulars.importing.column_review import Question, Review
    from regulars.importing.layout import Layout

_LONGEST_VALUE = 24
_SKIP = "leave it open"


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def show_columns(review: Review) -> None:
    """The columns of the file, numbered, with what each became and three of its values."""
    rows = [
        (str(number), one.header, one.became or "–", ", ".join(map(_short, one.values)))
        for number, one in enumerate(review.columns, 1)
    ]
    table(None, ("", "column", "becomes", "values"), rows, numbers=(0,))


def show_questions(review: Review) -> None:
    """The open questions with the options that answer them, for whoever reads and is not asked."""
    for one in review.questions:
        print_wrapped(one.text, hanging=0)
        for answer, words in one.answers:
            print_wrapped(f"{one.option(answer)}: {words}", indent=2)


def settle(layout: Layout, review_again: Callable[[Layout], Review]) -> tuple[Layout, Review, bool]:
    """Asks until nothing is open or what is open was left so; then lets the columns be changed.

    Returns the layout, the last review, and whether anything was answered. Raises click.Abort where the import is not
    wanted.
    """
    review = review_again(layout)
    show_columns(review)
    left_open: set[tuple[str, str]] = set()
    begun = layout
    while asked := [one for one in review.questions if (one.about, one.subject) not in left_open]:
        answered = _ask(asked[0], layout)
        if answered is None:
            left_open.add((asked[0].about, asked[0].subject))
        else:
            layout = answered
            review = review_again(layout)
    if layout == begun and not left_open:
        return layout, review, False
    while (changed := _change(review, layout)) is not None:
        layout = changed
        review = review_again(layout)
    return layout, review, layout != begun


def _ask(question: Question, layout: Layout) -> Layout | None:
    """The layout with the answer; None where it is left open."""
    column = ""
    print_wrapped(question.text, hanging=0)
    if question.about == "needed":
        chosen = _choose([(name, "") for name in question.columns])
        if chosen is None:
            return None
        column = chosen
        if len(question.answers) == 1:
            return question.answered(layout, question.answers[0][0], column)
        print_wrapped(f"What is `{column}`?", hanging=0)
    answer = _choose(question.answers)
    return None if answer is None else question.answered(layout, answer, column)


def _choose(answers: Sequence[tuple[str, str]]) -> str | None:
    """The chosen answer; None for the last line, which leaves the question open."""
    for number, (answer, words) in enumerate(answers, 1):
        click.echo(f"  {number}  {words or answer}")
    click.echo(f"  0  {_SKIP}")
    number = click.prompt("Which", type=click.IntRange(0, len(answers)), prompt_suffix="? ")
    return answers[number - 1][0] if number else None


def _change(review: Review, layout: Layout) -> Layout | None:
    """Shows the columns as they are now; None when the import may begin. Raises click.Abort when it may not."""
    show_columns(review)
    number = _number("Enter imports; the number of a column changes it; q stops", len(review.columns))
    if number == 0:
        return None
    column = review.columns[number - 1].header
    print_wrapped(f"Fields: {', '.join(review.fields)}. One of your own is declared under `fields:` first.", hanging=0)
    answer = click.prompt(
        f"`{column}` becomes (`-` leaves it out)", type=click.Choice([*review.fields, "-"]), show_choices=False
    )
    kept = {name: target for name, target in layout.mapping.items() if target != answer or answer == "-"}
    return replace(layout, mapping={**kept, column: answer})


def _number(text: str, most: int) -> int:
    """A number up to `most`, 0 for Enter; raises click.Abort for q."""
    while True:
        given: Any = click.prompt(text, default="", show_default=False, prompt_suffix=": ").strip().lower()
        if given == "q":
            raise click.Abort
        if not given:
            return 0
        if given.isdecimal() and 1 <= int(given) <= most:
            return int(given)
        click.echo(f"a number from 1 to {most}")


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 1] + "…"
