"""What a campaign sends: the steps of a sequence, which may branch, and waves, of which each client gets one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from regulars.core.diagnostics import nearest
from regulars.core.working import Wait
from regulars.rules.phrase_types import Awaited, Condition, Name, Part, Timing, Waiting

TIME_IS_OVER, IN_TIME, STARTED = "else", "then", "started"
"""The outcomes of `wait_for`, and that of `start`."""
NO_BRANCH = "~none"
"""The outcome of `choose` where no branch's condition is true; with a sign that no name can have."""
DRAWN, COMMON = "~variants", "~common"
"""The name of the draw of a variant, and its outcome for variants without steps of their own."""


class Step(Part):
    """One email of a campaign, `wait` after the trigger or after the step before."""

    email: Name = Field(description="Folder under `templates/emails/`")
    wait: Waiting = Field(default=Wait(), description="How long after the trigger or the step before")
    at: Timing | None = Field(
        default=None, description="Instead of `wait`: relative to an instant of the event, independent of earlier steps"
    )
    condition: Condition | None = Field(
        default=None, alias="if", description="Checked when the email is due; otherwise the step is left out"
    )
    id: Name | None = Field(default=None, description="The step's permanent name, if two send the same email")
    attach: Literal["calendar"] | None = Field(default=None, description="An attachment: the visit's calendar file")

    @property
    def key(self) -> str:
        """The permanent name of this step in the ledger: it survives reordering."""
        return self.id or self.email


class WaitFor(Part):
    """A wait for an event, with a limit: it goes on at once when the event happens, else when the time is over."""

    id: Name = Field(description="The permanent name under which the outcome is stored")
    wait_for: Awaited = Field(description="The event and the limit, such as `purchase within 7 days`")
    condition: Condition | None = Field(
        default=None, alias="if", description="Which of these events count; `event` is the one awaited"
    )
    then: tuple[StepItem, ...] = Field(default=(), description="The steps if the event happens in time")
    otherwise: tuple[StepItem, ...] = Field(default=(), alias="else", description="The steps if the time is over")
    was: Name | None = Field(default=None, description="The former `id`")

    @property
    def key(self) -> str:
        """The permanent name of this decision."""
        return self.id


class Branch(Part):
    """One branch of `choose`."""

    condition: Condition | None = Field(
        default=None, alias="if", description="Who takes this branch; only the last one may lack it"
    )
    steps: tuple[StepItem, ...] = Field(default=(), description="The steps of those who take it")
    id: Name | None = Field(default=None, description="The branch's permanent name; without it, that of its first step")
    was: Name | None = Field(default=None, description="The former name of the branch")

    @property
    def key(self) -> str:
        """The permanent name of the branch: its own, or that of its first step; never its position."""
        return self.id or next((item.key for item in self.steps if not isinstance(item, Exit)), "exit")


class Choose(Part):
    """A decision: each client takes the first branch whose condition is true, once and for good."""

    id: Name = Field(description="The permanent name under which the branch is stored")
    choose: tuple[Branch, ...] = Field(min_length=1, description="The branches; the first whose `if` is true is taken")
    wait: Waiting = Field(default=Wait(), description="How long after the step before it is decided")
    was: Name | None = Field(default=None, description="The former `id`")

    @property
    def key(self) -> str:
        """The permanent name of this decision."""
        return self.id


class Start(Part):
    """The client also enters another campaign, once for each occurrence of this one; the sequence goes on."""

    start: Name = Field(description="The campaign that the client enters")
    id: Name | None = Field(default=None, description="The permanent name, if two steps start the same campaign")

    @property
    def key(self) -> str:
        """The permanent name of this step."""
        return self.id or f"start-{self.start}"


class Exit(Part):
    """The end of the sequence for this client and occurrence: `- exit`."""

    exit: Literal[True] = Field(description="`true`; as an item of the list simply `exit`")

    @model_validator(mode="before")
    @classmethod
    def _of_a_word(cls, data: Any) -> Any:
        if data == "exit":
            return {"exit": True}
        return {**data, "exit": True} if isinstance(data, dict) and data.get("exit") == "true" else data


class Split(Part):
    """The first decision where variants have steps of their own: each client goes the way of their variant.

    No rule file names it; a campaign has it by its `variants`. The ids of the branches are the names of the variants.
    """

    branches: tuple[Branch, ...] = Field(description="Of the variants with steps of their own")
    places: tuple[int, ...] = Field(description="The places of these variants in the list `variants`")
    common: tuple[StepItem, ...] = Field(description="The campaign's own steps, for the other variants")

    @property
    def key(self) -> str:
        """The permanent name of this decision."""
        return DRAWN

    def outcome_of(self, variant: str) -> str:
        """The outcome for a variant; for one that is no longer in the rule, that of those without steps."""
        return variant if any(one.key == variant for one in self.branches) else COMMON


Decision = WaitFor | Choose | Start | Split
"""The steps whose outcome is a row of its own."""
STEP_KINDS: Mapping[str, type[Step | WaitFor | Choose | Start | Exit]] = {
    "email step": Step, "wait step": WaitFor, "choice step": Choose, "start step": Start, "exit step": Exit,
}  # fmt: skip
"""The kinds of steps by their tags, which stand in pydantic's locations of errors."""
KEYS_OF_KINDS = {
    "email": "email step", "wait_for": "wait step", "choose": "choice step", "start": "start step", "exit": "exit step",
}  # fmt: skip


def kind_of(item: Any) -> str:
    """The tag of a step as it is written or as a model; of a misspelt one, the likeliest."""
    if isinstance(item, BaseModel):
        return next(tag for tag, model in STEP_KINDS.items() if isinstance(item, model))
    if not isinstance(item, Mapping):
        return "exit step" if isinstance(item, str) else "email step"
    for key, tag in KEYS_OF_KINDS.items():
        if key in item:
            return tag
    if "then" in item or "else" in item:
        return "wait step"
    likely = (nearest(str(key), KEYS_OF_KINDS) for key in item if key not in Step.model_fields and key != "if")
    return KEYS_OF_KINDS[next((found for found in likely if found), "email")]


StepItem = Annotated[
    Annotated[Step, Tag("email step")]
    | Annotated[WaitFor, Tag("wait step")]
    | Annotated[Choose, Tag("choice step")]
    | Annotated[Start, Tag("start step")]
    | Annotated[Exit, Tag("exit step")],
    Discriminator(kind_of),
]
"""One item of a list of steps."""


class Wave(Part):
    """One email of those of which each client gets exactly one: the first whose condition is true at the trigger."""

    to: Condition | None = Field(default=None, description="Who belongs to this wave; default: all others")
    email: Name = Field(description="Folder under `templates/emails/`")
    wait: Waiting = Field(default=Wait(), description="How long after the trigger")
    sender: Literal["company", "manager"] | None = Field(
        default=None, alias="from", description="Instead of the campaign's; `manager`: for clients who have one"
    )
    id: Name | None = Field(default=None, description="The wave's permanent name, if two send the same email")

    @property
    def key(self) -> str:
        """The permanent name of this wave in the ledger."""
        return self.id or self.email


for _model in (WaitFor, Branch, Choose, Split):
    _model.model_rebuild()
