"""What the suite leaves to `make soak`, because it takes some ten seconds of processor time each."""

from __future__ import annotations

import os

import pytest

ALL = os.environ.get("REGULARS_TEST_FAULTS") == "all"
left_to_soak = pytest.mark.skipif(not ALL, reason="tests of faults that `make soak` or REGULARS_TEST_FAULTS=all runs")
