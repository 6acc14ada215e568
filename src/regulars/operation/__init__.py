"""The machine put together: plan, dispatch, tick."""
