"""The key `tracking` of the policy: what is measured in emails. Everything is off by default."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from regulars.rules.phrase_types import Part


class Utm(Part):
    """UTM tags for links to the company's own website, for its web statistics."""

    source: str = Field(default="regulars", min_length=1, description="`utm_source`")
    medium: str = Field(default="email", min_length=1, description="`utm_medium`")
    campaign: str | None = Field(default=None, min_length=1, description="`utm_campaign`; else the campaign's name")


def _switch(value: Any) -> Any:
    """`true` means all defaults, `false` no tags."""
    lowered = value.lower() if isinstance(value, str) else value
    return {} if lowered in (True, "true") else None if lowered in (False, "false") else value


def _or_switch(schema: dict[str, Any]) -> None:
    schema["anyOf"] = [*schema["anyOf"], {"type": "boolean"}]


class Tracking(Part):
    """What is measured in marketing emails to clients who do not object."""

    clicks: bool = Field(default=False, description="Links redirect through our server, which counts clicks")
    opens: bool = Field(default=False, description="A tracking pixel counts opens")
    utm: Annotated[Utm | None, BeforeValidator(_switch)] = Field(
        default=None, description="Tags on links to the company's own website", json_schema_extra=_or_switch
    )

    @property
    def any(self) -> bool:
        """Whether emails are changed at all."""
        return self.clicks or self.opens or self.utm is not None
