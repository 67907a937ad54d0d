"""A real service for the tests: a process of its own with an embedded store."""

import asyncio
import gc
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from stopgate._http import AsyncConnection, Connections, Reply


def _has(*packages: str) -> bool:
    return all(find_spec(package) is not None for package in packages)


HAS_TORCH = _has("torch", "transformers")
HAS_TRAINERS = HAS_TORCH and _has("accelerate", "datasets", "trl")
HAS_HARNESS = HAS_TORCH and _has("lm_eval")
collect_ignore = [
    *([] if HAS_TORCH else ["test_hf.py", "test_rollout.py"]),
    *(
        []
        if HAS_TRAINERS
        else ["test_training.py", "test_training_evaluation.py", "test_trl.py", "test_trl_processes.py"]
    ),
    *([] if HAS_HARNESS else ["test_lm_eval.py"]),
]
ROOT = Path(__file__).resolve().parents[3]
CONTEXT = {"model": "q", "task": "gsm8k"}
KEY = "model=q,task=gsm8k"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lacking = [
        f"SKIPPED: {module}, which needs stopgate-client[{extra}]"
        for has, module, extra in (
            (HAS_TORCH, "stopgate.hf", "hf"),
            (HAS_TRAINERS, "stopgate.training", "test-training"),
            (HAS_HARNESS, "stopgate.lm_eval", "lm-eval"),
        )
        if not has
    ]
    for line in lacking:
        terminalreporter.write_line(line)


def pytest_collection_finish() -> None:
    """Spares collections of garbage, of which each training makes some, the objects of all imported modules."""
    gc.collect()
    gc.freeze()


def until(what: str, condition: Callable[[], Any], seconds: float = 120) -> Any:
    """Waits for a condition, and returns its value. The deadline leaves room for a busy machine."""
    end = time.monotonic() + seconds
    while not (said := condition()):
        assert time.monotonic() < end, f"waited too long until {what}"
        time.sleep(0.01)
    return said


async def auntil(condition: Callable[[], Any]) -> None:
    """Waits for a condition that another task of the event loop, or a thread, brings about."""
    while not condition():
        await asyncio.sleep(0.001)


def _cli() -> Path:
    built = [ROOT / "dist/src/cli.js", ROOT / "dist/tests/src/cli.js"]
    found = [path for path in built if path.exists()]
    assert found, "build the service first: npm ci"
    return Path(os.environ.get("STOPGATE_CLI") or max(found, key=lambda path: path.stat().st_mtime))


def _ask_again_when_refused() -> None:
    """Asks again after a 503. A machine that is busy with other tests lets the service refuse late requests."""
    call, acall = Connections.call, AsyncConnection.call

    def patient(self: Connections, *args: Any, **options: Any) -> Reply:
        while (reply := call(self, *args, **options)).status == 503:
            time.sleep(0.01)
        return reply

    async def apatient(self: AsyncConnection, *args: Any, **options: Any) -> Reply:
        while (reply := await acall(self, *args, **options)).status == 503:
            await asyncio.sleep(0.01)
        return reply

    Connections.call, AsyncConnection.call = patient, apatient  # type: ignore[method-assign]


_ask_again_when_refused()


# Live traffic on a quick clock. All generations are control, except where a test pins a threshold or states a rate. And
# the number of their checks is asserted, so the cadence is stated.
_FOR_TESTS = {
    "DEFAULT_POLICY": '{"evidence_span_seconds": 1, "control_rate": 1, "check_every_tokens": 32, "check_growth": 0}'
}


class Service:
    """The service in a process, on a port that it keeps when it is started again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {"PORT": str(self.port), "HOST": "127.0.0.1", "DATA_DIR": str(folder), **settings}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["node", str(_cli()), "serve"], env={**os.environ, "LOG_LEVEL": "error", **_FOR_TESTS, **self._settings}
        )
        until("the service serves", self._is_ready)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=30) as reply:
            return json.load(reply)

    def put(self, path: str, body: object, method: str = "PUT") -> None:
        """Sets a policy or pin, also in a context that no outcome has named yet."""
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(
            f"{self.url}{path}?create=true", json.dumps(body).encode(), headers, method=method
        )
        urllib.request.urlopen(request, timeout=30).close()

    def pin(self, key: str, threshold: float = 0.5) -> None:
        """Pins a threshold, under which nearly all generations are treated."""
        self.put(f"/v1/contexts/{key}/policy", {"control_rate": "auto"}, "PATCH")
        self.put(f"/v1/contexts/{key}/pin", {"threshold": threshold, "reason": "test"})

    def context(self, key: str = KEY) -> Any:
        try:
            return self.get(f"/v1/contexts/{key}")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return {}

    def counts(self, key: str = KEY) -> "dict[str, int]":
        """The generations of a context by the states that the metrics have; none before the first outcome."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=30) as reply:
            text = reply.read().decode()
        name = re.escape(f'stopgate_context_follow_up{{context="{key}",')
        return {state: int(float(count)) for state, count in re.findall(rf'^{name}state="(\w+)"}} (\S+)$', text, re.M)}

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, "the service has ended"
        try:
            self.get("/readyz")
        except OSError:
            return False
        return True


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that all tests share. Each test uses a context of its own."""
    one = Service(tmp_path_factory.mktemp("store"))
    yield one
    one.kill()


@pytest.fixture(scope="session")
def _mortal_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    one = Service(tmp_path_factory.mktemp("mortal"))
    yield one
    one.kill()


@pytest.fixture
def mortal_service(_mortal_service: Service) -> Service:
    """A service that the test may kill. The next one gets it running again, with all that it has stored."""
    if _mortal_service.process.poll() is not None:
        _mortal_service.start()
    return _mortal_service


class Clock:
    """The client's clock, which stands still until a test moves it on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the test drives by hand."""
    one = Clock()
    monkeypatch.setattr("stopgate._clock.now", one)
    return one


@pytest.fixture(autouse=True)
def _all_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets each test see its warnings, though they are throttled."""
    monkeypatch.setattr("stopgate._telemetry._logged", {})
