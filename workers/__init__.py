"""`celery -A workers worker` from a checkout. The application itself is `regulars.workers`."""

from regulars.workers import app as app
