"""Counts of the plug-in, in vLLM's own metrics and in its status."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .._telemetry import logger

_METRICS = {
    "requests": ("Requests whose generations are followed, by path of the API", ("path",)),
    "passed": ("Prompts that vLLM alone serves, by cause", ("cause",)),
    "generations": ("Generations that have ended, by arm and end: stopped, finished, unfinished (within the reasoning),"
                    " cancelled (the client went away), failed (the outcome is missing)", ("arm", "end")),
    "tokens": ("Tokens generated, by part: reasoning, discarded (behind the probed prefix), answer", ("part",)),
    "probes": ("Checks, by the end of the probe: ok, unprobed (the answer is too long to be forced), skipped (of a "
               "treated generation, since its seat came too late), failed (or given up at the end of the reasoning)",
               ("end",)),
    "probe_tokens": ("Tokens decoded for probes", ()),
    "failed_stops": ("Stops whose answer the engine refused, so that the reasoning went on", ()),
    "faults": ("Faults in the plug-in; vLLM alone went on serving each request", ()),
}  # fmt: skip


class Counts:
    """Counts of one process.

    Args:
        registers: whether to register them with `prometheus_client`.
    """

    def __init__(self, registers: bool = True) -> None:
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._metrics: dict[str, Any] = {}
        self._warned: set[str] = set()
        if registers:
            import prometheus_client

            for name, (text, labels) in _METRICS.items():
                self._metrics[name] = prometheus_client.Counter(f"stopgate:{name}", text, labels)

    def add(self, name: str, *labels: str, count: int = 1) -> None:
        """Counts something."""
        key = (name, *labels)
        self._counts[key] += count
        metric = self._metrics.get(name)
        if metric is not None:
            (metric.labels(*labels) if labels else metric).inc(count)

    def passed(self, cause: str, hint: str = "") -> None:
        """Counts a prompt that vLLM alone serves, and logs the first one of each cause."""
        self.add("passed", cause)
        self.warn_once(cause, f"requests are served by vLLM alone because of {cause}{hint and ': '}{hint}")

    def fault(self, where: str) -> None:
        """Counts and logs the exception that is being handled."""
        self.add("faults")
        logger.exception("a fault in %s: vLLM alone goes on serving the request", where)

    def unknown_levels(self, unknown: Iterable[str], known: Iterable[str]) -> None:
        """Logs once which levels of a context the service does not know."""
        names = sorted(unknown)
        self.warn_once(f"levels {names}", f"levels {names} of contexts are ignored: the service knows {list(known)}")

    def warn_once(self, key: str, text: str) -> None:
        """Logs a warning, unless one with the same key has been logged."""
        if key not in self._warned and len(self._warned) < 1000:
            self._warned.add(key)
            logger.warning("%s", text)

    def all(self) -> dict[str, int]:
        """All counts, by their names."""
        return {" ".join(key): count for key, count in sorted(self._counts.items())}
