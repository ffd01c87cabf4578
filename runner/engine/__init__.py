"""The pure engine: what does an event change, may this be done, what is due now."""
