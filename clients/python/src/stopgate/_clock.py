"""The clock of all that grows old: warnings, rules, probe forms, enrolments and labels. Tests drive it by hand.

Deadlines of calls do not use it, since sockets and event loops wait in real time.
"""

import time


def now() -> float:
    """Seconds since some time in the past."""
    return time.monotonic()
