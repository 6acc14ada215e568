"""The worker processes. `celery -A regulars.workers worker` finds `app` here."""

from regulars.workers.app import app

__all__ = ["app"]
