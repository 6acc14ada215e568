"""The pages that emails link to, and the API: an ASGI application."""

from regulars.web.app import create, from_environment
from regulars.web.site import Site

__all__ = ["Site", "create", "from_environment"]
