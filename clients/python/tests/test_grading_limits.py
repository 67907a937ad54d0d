"""Answers that take forever to grade: they stop no other item, no signal and no restart."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Service, until
from stopgate.grading import Early, Item, Journal, LimitExceeded, Math, Worker, audit
from stopgate.grading.audit import Audited
from stopgate.grading.limited import LimitedCalls
from test_grading_worker import Listing, context, play_until_wanted

ENDLESS = r"$\sum_{k=1}^{10^{9}} k^k$"


def quick_math() -> Math:
    math = Math()
    math._calls = LimitedCalls("stopgate.grading.graders:math_in_process", cpu_seconds=1)
    return math


def following(listing: Listing, grader: Math, path: Path) -> Worker:
    worker = Worker("http://127.0.0.1:9", "model=q", grader, Journal(path), threads=2, warn=lambda _: None)
    worker._service = listing  # type: ignore[assignment]
    return worker


def test_an_endless_answer_is_given_up_after_one_try_and_the_others_are_graded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = Listing("endless", "huge", "good1", "good2")
    listing.answers = {"endless": ENDLESS, "huge": "$9^{9^{9^{9}}}$", "good1": r"$\frac{2}{2}$", "good2": "$2$"}
    listing.early = "$1$"
    worker = following(listing, quick_math(), tmp_path / "j")
    worker.run(until_empty=True)
    assert {"good1", "good2"} <= set(listing.labels) and "endless" not in listing.labels
    assert worker.counts.verdicts["tie"] >= 1 and 1 <= worker.counts.given_up <= 2
    worker._journal.close()
    again = following(listing, quick_math(), tmp_path / "j")
    begun: list[str] = []
    monkeypatch.setattr(again._grader, "label", lambda item: begun.append(item.generation_id))
    again.run(until_empty=True)
    assert begun == [], "a restart does not begin it again"
    assert again.counts.given_up == worker.counts.given_up == again.counts.unlabelled


def test_an_audit_counts_what_cannot_be_graded_as_lost() -> None:
    pair = Audited(Item("a", ENDLESS, [Early("$1$", [0])], 1), 1, 0)
    assert audit([pair], quick_math()).agreement.events == 1


def remember(argument: "list[int]") -> object:
    """A function that takes memory, dies, fails, or prints."""
    [kind] = argument
    if kind == 0:
        return len(bytearray(3 * 2**30))
    if kind == 1:
        os._exit(3)
    if kind == 2:
        raise ValueError("an odd answer")
    print("a library says something")
    return kind


def test_a_call_is_limited_in_memory_and_the_next_ones_are_made() -> None:
    calls = LimitedCalls("test_grading_limits:remember")
    for kind in (0, 1):
        with pytest.raises(LimitExceeded, match="more than 5 s or 2 GiB"):
            calls.call([kind])
    with pytest.raises(ValueError, match="an odd answer"):
        calls.call([2])
    assert calls.call([3]) == 3
    calls._idle[0].kill()
    calls._idle[0].wait()
    assert calls.call([4]) == 4, "a process that has ended meanwhile is replaced"


HANGING = "import threading\n\ndef grade(**_):\n    threading.Event().wait()\n"
PROGRAM = "import stopgate.grading.cli as cli; cli._STOP_SECONDS = 1; raise SystemExit(cli.main())"


def test_a_grader_that_hangs_obeys_sigterm_and_a_restart_does_not_hang(service: Service, tmp_path: Path) -> None:
    where, key = context("hanging")
    ids = play_until_wanted(service, where, key, 1)
    (tmp_path / "hanging.py").write_text(HANGING)
    journal = tmp_path / "j"
    options = ["grade", "--url", service.url, "--context", key, "--journal", str(journal), "--until-empty"]
    grader = [sys.executable, "-c", PROGRAM, *options, "--grader", "python:hanging:grade"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    process = subprocess.Popen(grader, env=env)
    until("all have begun", lambda: journal.exists() and all(journal.read_text().count(id) for id in ids))
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 1
    restarted = subprocess.run(grader, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert restarted.returncode == 1 and "the grader ended while it graded it" in restarted.stderr
