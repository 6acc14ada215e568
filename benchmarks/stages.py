"""CPU by stage: the functions of one worker wrapped with a stopwatch, from outside, in the benchmark only.

To read the CPU clock costs half a microsecond, so of what is done for each message every seventh is timed: a
number that shares no rhythm with the loop.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from regulars.render import mime

# By name: the package re-exports functions that are called like their modules.
compose = import_module("regulars.dispatch.compose")
run = import_module("regulars.dispatch.dispatcher")

PLACES: dict[str, list[tuple[Any, str]]] = {
    "claim": [(run, "take"), (run, "release")],
    "confirm": [(run, "examine_claimed"), (run, "plan_context"), (run, "load_active_campaigns")],
    "fetch": [(run, "load"), (run, "attach_coupons")],
    "render": [(compose, "render"), (compose, "template_values"), (compose, "copy")],
    "assemble": [(mime, "assemble")],
    "compose": [(run, "compose")],
    "settle": [(run, "settle_jobs"), (run, "begin")],
}
EACH_MESSAGE = frozenset(["render", "assemble", "compose"])
SAMPLE = 7


class Stages:
    """Counts the CPU seconds of each stage; `send` is the event loop's, measured around the transport."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys([*PLACES, "send"], 0.0)
        for stage, places in PLACES.items():
            for owner, name in places:
                setattr(owner, name, self._timed(stage, getattr(owner, name)))
        self._time_transport()

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        every = SAMPLE if stage in EACH_MESSAGE else 1
        calls = itertools.count()

        @functools.wraps(function)
        def timed(*args: Any, **options: Any) -> Any:
            if next(calls) % every:
                return function(*args, **options)
            begun = time.process_time()
            try:
                return function(*args, **options)
            finally:
                self.seconds[stage] += (time.process_time() - begun) * every

        return timed

    def _time_transport(self) -> None:
        """What one chunk's delivery takes, without the making of the next chunk, which goes on in between."""
        from regulars.delivery.smtp.courier import Courier

        deliver = Courier.deliver

        @functools.wraps(deliver)
        async def timed(courier: Courier, parcels: Any) -> Any:
            begun, made = time.process_time(), self.seconds["compose"]
            try:
                return await deliver(courier, parcels)
            finally:
                self.seconds["send"] += time.process_time() - begun - (self.seconds["compose"] - made)

        Courier.deliver = timed  # type: ignore[method-assign, assignment]
