"""For those who write integrations: a channel that follows a script, a server that misbehaves on purpose,
and the checks that every adapter passes. Nothing here is used when Tocsin runs."""
