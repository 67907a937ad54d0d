"""Counters of a client, and its log lines, which are throttled to one a minute of each kind."""

import logging
from dataclasses import dataclass

from . import _clock

logger = logging.getLogger("stopgate")

_EVERY_SECONDS = 60.0
_MOST_KINDS = 1000


@dataclass
class Counters:
    """Counts since the client was made, or since its process was forked. Under threads they are approximate."""

    checks: int = 0
    """Steps at which a decision was wanted."""
    calls: int = 0
    """Calls for decisions."""
    failures: int = 0
    """Calls for decisions without a usable reply."""
    undecided: int = 0
    """Steps that went on because the service could not be asked."""
    stops: int = 0
    """Generations stopped."""
    enrolled_locally: int = 0
    """Generations that local deciders have enrolled; where the service decides, it enrols them itself."""
    reported: int = 0
    """Outcomes and labels that the service has accepted."""
    rejected: int = 0
    """Outcomes and labels that the service refused for good."""
    dropped: int = 0
    """Outcomes and labels given up because the queue was full."""
    probe_tokens: int = 0
    """Tokens decoded only for probes."""
    prefill_tokens: int = 0
    """Tokens prefilled only for probes."""


@dataclass
class _Kind:
    logged_at: float
    left_out: int = 0


_logged: dict[str, _Kind] = {}


def warn(kind: str, text: str) -> bool:
    """Logs a warning, the same kind at most once a minute. Returns whether it did."""
    now = _clock.now()
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
