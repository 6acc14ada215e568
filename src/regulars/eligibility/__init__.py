"""May this promise go now? Rights, conditions, quiet hours, caps: asked when planning and when sending."""
