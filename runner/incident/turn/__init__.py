"""One turn of the engine: decide, fold, settle, claims, timers."""
