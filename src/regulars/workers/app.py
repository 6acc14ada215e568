"""The Celery application: queues, schedule and delivery guarantees, from the settings of one workspace.

Messages on the broker are only wake-ups: the ledger has the state. Tasks are acknowledged late and fetched one at
a time, so a killed worker's wake-up goes to another.
"""

from __future__ import annotations

import logging
import mmap
import os
import sys
from pathlib import Path
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import (
    after_setup_logger,
    after_setup_task_logger,
    beat_init,
    celeryd_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from celery.worker import state as worker_state
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

from regulars.core import broker_url, extras, log_format
from regulars.core import settings as settings_module
from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import Settings
from regulars.operation.schema_watch import EXIT_CODE
from regulars.workers import pool_locks, rabbitmq

QUEUES = ("plan", "dispatch", "ingest", "notify")
PLAN_EVERY = 60.0
DISPATCH_EVERY = 15.0
_HEARTBEAT = 30
"""Seconds; after two without a sign, worker and RabbitMQ give each other up. Other brokers have none."""
_SILENCE = 15.0
"""Seconds without an answer after which a connection to Redis is given up; the longest command waits one second."""
BOUNCES_EVERY = 60.0
NOTIFY_EVERY = 10.0
"""Seconds between wake-ups; a wake-up with nothing to do costs one query."""


def configure(celery: Celery, settings: Settings) -> None:
    """Configures the application from the settings of a workspace.

    Raises EnvironmentFailed when the broker's URL cannot be used, or needs an extra that is not installed.
    """
    broker_url.require_usable(settings.broker_url)
    celery.conf.update(
        broker_url=settings.broker_url,
        broker_connection_retry_on_startup=True,
        broker_heartbeat=_HEARTBEAT,
        # After a partition RabbitMQ takes the old connection for alive, and refuses its exclusive queues to the new
        # one (RESOURCE_LOCKED), which ends Celery. Not exclusive, they must be durable: RabbitMQ gives up the others.
        control_queue_exclusive=False,
        control_queue_durable=True,
        broker_channel_error_retry=True,
        broker_transport_options=_transport(settings.broker_url),
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_time_limit=1800,
        task_soft_time_limit=1500,
        task_serializer="json",
        accept_content=["json"],
        timezone="UTC",
        enable_utc=True,
        task_queues=[Queue(name) for name in QUEUES],
        task_default_queue="dispatch",
        task_routes={f"regulars.{name}": {"queue": name} for name in QUEUES}
        | {f"regulars.{name}": {"queue": "ingest"} for name in ("learn", "bounces")},
        worker_hijack_root_logger=False,
        beat_schedule_filename=str(settings.var / "beat"),
        beat_schedule=schedule(bounces=settings.bounces is not None),
    )


def schedule(*, bounces: bool = False) -> dict[str, dict[str, Any]]:
    """The beat schedule.

    None of them expires: Celery would compare the clocks of two machines, and a worker whose clock is ahead would
    discard every wake-up. Late wake-ups do no harm: one plan answers all that waited for it, and a dispatch with
    nothing to send costs one query.

    With `bounces` the mailbox that emails come back to is read. Without the extra `learn` the nightly task is not
    scheduled; `regulars check` names the rules that need it.
    """
    wake_ups: dict[str, dict[str, Any]] = {
        "plan": {"task": "regulars.plan", "schedule": PLAN_EVERY},
        "dispatch": {"task": "regulars.dispatch", "schedule": DISPATCH_EVERY},
        "notify": {"task": "regulars.notify", "schedule": NOTIFY_EVERY},
    }
    if extras.is_installed("learn"):
        wake_ups["learn"] = {"task": "regulars.learn", "schedule": crontab(hour=2, minute=40)}
    if bounces:
        wake_ups["bounces"] = {"task": "regulars.bounces", "schedule": BOUNCES_EVERY}
    return wake_ups


def _transport(url: str) -> dict[str, Any]:
    if url.startswith("sqla+"):
        TRANSPORT_ALIASES["sqla"] = "regulars.workers.embedded:Transport"
        pool_locks.use()
        return {"connect_args": {"timeout": 60}}  # seconds to wait for another process's write
    if url.startswith("redis"):
        return {
            # Longer than any task: Redis redelivers an unacknowledged message after this.
            "visibility_timeout": 3600,
            # Without them a worker waits for ever for a Redis that fell silent, and does not end when it is told to.
            "socket_timeout": _SILENCE,
            "socket_connect_timeout": _SILENCE,
            "socket_keepalive": True,
        }
    if url.startswith(("amqp", "pyamqp")):
        TRANSPORT_ALIASES["amqp"] = TRANSPORT_ALIASES["pyamqp"] = "regulars.workers.rabbitmq:Transport"
        return {"read_timeout": rabbitmq.SILENCE, "write_timeout": rabbitmq.SILENCE}
    return {}


def _create() -> Celery:
    celery = Celery("regulars", include=["regulars.workers.tasks"])
    workspace = Path(os.environ.get("REGULARS_WORKSPACE", "."))
    configure(celery, settings_module.load(workspace))
    return celery


app = _create()


@celeryd_init.connect
@beat_init.connect
def _require_database(**_: object) -> None:
    """Exits a worker or scheduler whose database has another schema version, with a message.

    Celery logs an exception of a signal's receiver and continues: only an exit ends it.
    """
    from regulars.workers import process

    try:
        process.require_database()
    except EnvironmentFailed as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from error


@after_setup_logger.connect
@after_setup_task_logger.connect
def _format_logs(logger: logging.Logger, **_: object) -> None:
    log_format.use(logger.handlers)


@beat_init.connect
def _begin(**_: object) -> None:
    """Sends the first plan at once, not a minute after the start."""
    app.send_task("regulars.plan")


_stopping = mmap.mmap(-1, 1)
"""One byte of memory shared by all processes of this worker: the only sign of a shutdown for a pool process."""
_outdated = mmap.mmap(-1, 1)
"""Likewise, the sign for the main process that the database is newer than this release."""
_LOOK_EVERY = 1.0
"""Seconds between two looks of the main process at it."""


def stopping() -> bool:
    """Whether this worker is shutting down: tasks finish the current chunk and leave the rest."""
    return _stopping[0] != 0


def retire() -> None:
    """Ends this worker after what its processes have in hand, with the exit code for a newer database."""
    _outdated[0] = _stopping[0] = 1


@worker_ready.connect
def _watch_for_retirement(sender: Any, **_: object) -> None:
    def look() -> None:
        if _outdated[0] and not worker_state.should_stop:
            worker_state.should_stop = EXIT_CODE  # type: ignore[assignment]  # Celery raises it as the exit code

    sender.timer.call_repeatedly(_LOOK_EVERY, look)


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    _stopping[0] = 1


@worker_process_shutdown.connect
@worker_shutdown.connect
def _close(**_: object) -> None:
    from regulars.workers import process

    process.close()
