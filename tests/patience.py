"""How long a test waits for what it knows to come, in seconds.

Nothing waits that long: what comes ends the wait. It is far beyond what a busy machine needs, and below the limit of a
test, so that the wait that failed is named.
"""

from __future__ import annotations

PATIENCE = 240.0
