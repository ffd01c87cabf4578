"""For authors of integrations: a server that misbehaves on purpose, and the checks that every adapter passes."""
