"""Subject, HTML, text and MIME bytes of one message."""

from regulars.render.compile import CompiledEmail, Templates
from regulars.render.message import Rendered, RenderFailed, render

__all__ = ["CompiledEmail", "RenderFailed", "Rendered", "Templates", "render"]
