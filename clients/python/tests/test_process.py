"""Forks, threads and the end of a process."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from conftest import Service, until
from playing import Played, is_right
from stopgate import Client

SOURCES = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "src")]


def play(client: Client, task: str, count: int) -> None:
    for _ in range(count):
        played = Played(100, knows_at=64)
        client.run(client.generation({"model": "q", "task": task}, grade=is_right), played.generate, played.probe)


def python(code: str) -> str:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_threads_share_a_client(service: Service) -> None:
    client = Client(service.url, timeout=30)
    threads = [threading.Thread(target=play, args=(client, "threads", 10)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(30)
    assert client.counters.failures == client.counters.rejected == 0
    until("all are reported", lambda: service.counts("model=q,task=threads").get("reported") == 80)
    client.close()


def test_a_fork_reports_its_own_generations_and_no_others(service: Service) -> None:
    python(f"""
import os
from conftest import *
from test_process import *
client = Client("{service.url}", timeout=30)
play(client, "forked", 3)
one, played = client.generation({{"model": "q", "task": "forked"}}, grade=is_right), Played(100)
client.check([one.observe(32, played.probe())])
if (child := os.fork()) == 0:
    assert client.counters.calls == 0
    play(client, "forked", 3)
    assert client.flush(30)
    assert client.counters.reported == 3 and client.counters.failures == 0
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
one.finish("right", tokens=100)
assert client.flush(30)
assert client.counters.reported == 4 and client.counters.failures == 0
""")
    until("all are reported once", lambda: service.counts("model=q,task=forked").get("reported") == 7)


def test_waiting_reports_are_sent_at_the_end_of_a_process(service: Service) -> None:
    python(f"""
from test_process import *
play(Client("{service.url}", timeout=30), "ended", 30)
""")
    until("all are reported", lambda: service.counts("model=q,task=ended").get("reported") == 30)


def test_waiting_reports_are_sent_at_the_end_of_a_multiprocessing_child(service: Service) -> None:
    python(f"""
import multiprocessing
from test_process import *
client = Client("{service.url}", timeout=30)
if __name__ == "__main__":
    children = [multiprocessing.get_context("fork").Process(target=play, args=(client, "children", 5)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
""")
    until("all are reported", lambda: service.counts("model=q,task=children").get("reported") == 15)


def test_local_decisions_go_on_in_a_fork(service: Service) -> None:
    python(f"""
import os
from test_process import *
client = Client("{service.url}", local=True)
assert client.wait_ready(30)
if (child := os.fork()) == 0:
    assert client.wait_ready(0)
    play(client, "local-fork", 5)
    client.close()
    assert client.counters.reported == client.counters.enrolled_locally == 5
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
""")
    until("all are reported", lambda: service.counts("model=q,task=local-fork").get("reported") == 5)


def test_importing_loads_only_the_standard_library() -> None:
    loaded = python("""
import sys
before = set(sys.modules)
import stopgate
print(*{name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names - {"stopgate", "__mp_main__"})
""")
    assert loaded.split() == []
