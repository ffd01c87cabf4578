"""Effects of messages: compose, deliver, probe, war rooms."""
