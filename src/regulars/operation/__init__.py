"""The parts of one process: plan, dispatch, tick."""
