"""What a campaign sends: the emails of a sequence, and waves, of which each client gets one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from regulars.core.working import Wait
from regulars.rules.phrase_types import Condition, Name, Part, Timing, Waiting


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
