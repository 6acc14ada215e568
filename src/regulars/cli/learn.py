"""`learn`: fits the models on all purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import print_json, print_wrapped, table

if TYPE_CHECKING:
    from regulars.knowledge.product_prediction import Hits
    from regulars.operation.learn import Learned

_WAYS = {
    "order": "what others bought after what the client bought last",
    "common": "what others have who have what the client bought last",
    "again": "what the client bought most often, of what gets used up",
    "popular": "what most clients bought within the month",
}


@click.command("learn")
@now_option
@json_option
@click.pass_obj
def learn_command(command: CommandContext, now: str | None) -> None:
    """Learn from all purchases: purchase probability, client value, next products.

    The scheduler does it every night; rules read the results as `p_alive`, `clv` and `next_product`.
    """
    from regulars.operation.learn import learn

    found = learn(command.engine, command.now(now))
    if command.as_json:
        print_json(_document(found))
        return
    if found.buying:
        click.echo("Learned how clients buy.")
    for note in found.notes:
        print_wrapped(note)
    click.echo(f"{found.valued:,} clients valued; {found.links:,} products known to follow another.")
    _print_next_product(found)


def _document(found: Learned) -> dict[str, Any]:
    trials = [
        {"method": str(trial.method), "month_before_last": _hits(trial.chosen_by), "last_month": _hits(trial.reported)}
        for trial in found.trials
    ]
    return {
        "buying": found.buying, "spending": found.spending, "valued": found.valued, "links": found.links,
        "notes": list(found.notes), "next_product": {"method": found.method, "trials": trials},
    }  # fmt: skip


def _hits(hits: Hits) -> dict[str, Any]:
    from regulars.knowledge.product_prediction import PLACES

    return {"asked": hits.asked, **{f"hit_at_{k}": hit for k, hit in zip(PLACES, hits.hits, strict=True)}}


def _print_next_product(found: Learned) -> None:
    if not found.trials:
        print_wrapped(
            "Next product: by the order of purchases. Too few clients bought again in the last month but one to compare"
            " other ways."
        )
        return
    won = next(trial for trial in found.trials if trial.method == found.method)
    popular = next(trial for trial in found.trials if trial.method == "popular")
    points = 100 * (_share(won.reported, 0) - _share(popular.reported, 0))
    print_wrapped(
        f"Next product: `{found.method}` wins, {_WAYS[found.method]}. Of {won.reported.asked:,} clients who bought in"
        f" the last month {_share(won.reported, 0):.1%} bought what it would have offered them; `popular` is at"
        f" {_share(popular.reported, 0):.1%}, {abs(points):.1f} points {'less' if points >= 0 else 'more'}."
    )
    rows = [[str(t.method), _rates(t.chosen_by), _rates(t.reported)] for t in found.trials]
    table(
        None, ["way", "month before last: right at 1, 3, 5 (chosen by the first)", "last month: right at 1, 3, 5"], rows
    )


def _share(hits: Hits, place: int) -> float:
    return hits.hits[place] / hits.asked if hits.asked else 0.0


def _rates(hits: Hits) -> str:
    return ", ".join(f"{_share(hits, place):.1%}" for place in range(len(hits.hits)))
