"""Subject, HTML, text and MIME bytes of one message."""

from regulars.render.check import Usage, check
from regulars.render.compile import CompiledEmail, Templates
from regulars.render.mailbox import Mailbox
from regulars.render.message import Rendered, RenderFailed, render
from regulars.render.mime import Attachment, Letter, assemble
from regulars.render.trail import Trail, Ways

__all__ = [
    "Attachment",
    "CompiledEmail",
    "Letter",
    "Mailbox",
    "RenderFailed",
    "Rendered",
    "Templates",
    "Trail",
    "Usage",
    "Ways",
    "assemble",
    "check",
    "render",
]
