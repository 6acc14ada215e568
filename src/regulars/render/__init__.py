"""Subject, HTML, text and MIME bytes of one message."""

from regulars.render.check import Usage, check
from regulars.render.compile import CompiledEmail, Templates
from regulars.render.mailbox import Mailbox
from regulars.render.message import Rendered, RenderFailed, render
from regulars.render.mime import Attachment, Letter, assemble
from regulars.render.trail import Tags, Trail

__all__ = [
    "Attachment",
    "CompiledEmail",
    "Letter",
    "Mailbox",
    "RenderFailed",
    "Rendered",
    "Tags",
    "Templates",
    "Trail",
    "Usage",
    "assemble",
    "check",
    "render",
]
