"""`celery -A workers worker` from a checkout. The application itself is `regulars.workers`."""

from regulars.workers.app import app as app
