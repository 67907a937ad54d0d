"""Log lines that do not come once for each of a million generations."""

import logging
import time
from dataclasses import dataclass

logger = logging.getLogger("stopgate")

_EVERY_SECONDS = 60.0
_MOST_KINDS = 1000


@dataclass
class _Kind:
    logged_at: float
    left_out: int = 0


_logged: dict[str, _Kind] = {}


def warn(kind: str, text: str) -> bool:
    """Logs a warning, the same kind at most once a minute. Returns whether it did."""
    now = time.monotonic()
    last = _logged.get(kind)
    if last is not None and now - last.logged_at < _EVERY_SECONDS:
        last.left_out += 1
        return False
    if len(_logged) >= _MOST_KINDS:
        _logged.clear()
    _logged[kind] = _Kind(now)
    more = f" (and {last.left_out} more like it since the last line)" if last is not None and last.left_out else ""
    logger.warning("%s%s", text, more)
    return True
