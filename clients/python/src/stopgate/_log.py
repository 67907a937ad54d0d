"""Log lines that do not come once for each of a million generations."""

import logging
import time

logger = logging.getLogger("stopgate")

_EVERY_SECONDS = 60.0
_MOST_TEXTS = 1000
_logged: dict[str, float] = {}


def warn(kind: str, text: str) -> None:
    """Logs a warning, the same kind at most once a minute."""
    now = time.monotonic()
    if now - _logged.get(kind, -_EVERY_SECONDS) < _EVERY_SECONDS:
        return
    if len(_logged) >= _MOST_TEXTS:
        _logged.clear()
    _logged[kind] = now
    logger.warning("%s", text)
