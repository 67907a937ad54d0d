"""The worker that labels what a service wants labelled."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import Service, until
from judge_server import judging, knowing
from playing import Played
from stopgate import Client
from stopgate.grading import Exact, GradingFailed, Item, Journal, Judge, Worker
from stopgate.grading.cli import figures_of, main, metrics_text

PROMPTS = {"prompt": "What is right?"}


def context(task: str) -> tuple[dict[str, str], str]:
    return {"model": "q", "task": task}, f"model=q,task={task}"


def play(url: str, where: Mapping[str, str], count: int = 3) -> None:
    """Generations whose early answer is "wrong" and whose final one is "right"."""
    with Client(url, timeout=30) as client:
        for _ in range(count):
            played = Played(100, knows_at=96, unsure=0.5, sure=0.6)
            client.run(client.generation(where, samples=1), played.generate, played.probe)
        assert client.flush(30)


def wanted(service: Service, key: str) -> list[str]:
    try:
        return list(service.get(f"/v1/contexts/{key}/wanted-labels")["generation_ids"])
    except OSError:
        return []


@contextmanager
def working(worker: Worker) -> Iterator[None]:
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield
    worker.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_a_judge_labels_what_is_wanted_and_the_guarantee_may_name_it(service: Service, tmp_path: Path) -> None:
    where, key = context("judged")
    with judging(knowing("right")) as server:
        judge = Judge(server.url, "m")
        worker = Worker(service.url, key, judge, Journal(tmp_path / "j"), texts=lambda _: PROMPTS, warn=lambda _: None)
        with working(worker):  # begins before the context exists
            play(service.url, where)
            until("all are labelled", lambda: worker.counts.posted == 3)
        assert worker.counts.verdicts == {"lost": 3} and server.requests == 6
    assert until("the labels count", lambda: service.context(key).get("follow_up", {}).get("labels_given") == 3)
    assert figures_of(worker, judge)["judge_tokens"] == 60
    assert "stopgate_grade_posted_total 3\n" in metrics_text(worker, judge)


class Once:
    """Fails on the first call, then grades; counts the calls for each item."""

    source = "once"

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}

    def label(self, item: Item) -> dict[str, Any]:
        self.calls[item.generation_id] = self.calls.get(item.generation_id, 0) + 1
        if sum(self.calls.values()) == 1:
            raise GradingFailed("not yet", None, 0.01)
        return {"em": 1}


def test_a_failure_of_the_grader_is_tried_again_and_nothing_is_graded_twice(service: Service, tmp_path: Path) -> None:
    where, key = context("again")
    play(service.url, where)
    until("they are wanted", lambda: len(wanted(service, key)) == 3)
    grader = Once()
    worker = Worker(service.url, key, grader, Journal(tmp_path / "j"), threads=1, warn=lambda _: None)
    worker.run(until_empty=True)
    assert sorted(grader.calls.values()) == [1, 1, 2]
    assert (worker.counts.failed, worker.counts.posted) == (1, 3)


def test_a_label_that_was_given_before_a_crash_is_sent_and_not_given_again(service: Service, tmp_path: Path) -> None:
    where, key = context("crash")
    play(service.url, where, 2)
    until("they are wanted", lambda: len(wanted(service, key)) == 2)
    first = wanted(service, key)[0]
    journal = Journal(tmp_path / "j")
    journal.graded(first, {"em": 1, "source": "once"})
    journal.close()
    grader = Once()
    worker = Worker(service.url, key, grader, Journal(tmp_path / "j"), threads=1, warn=lambda _: None)
    worker.run(until_empty=True)
    assert first not in grader.calls and worker.counts.posted == 2


def test_the_worker_outlives_a_restart_of_the_service(own_service: Service, tmp_path: Path) -> None:
    where, key = context("restart")
    worker = Worker(own_service.url, key, Exact(), Journal(tmp_path / "j"), warn=lambda _: None)
    with working(worker):
        play(own_service.url, where, 1)
        until("the first is labelled", lambda: worker.counts.posted == 1)
        own_service.kill()
        own_service.start()
        play(own_service.url, where, 1)
        until("the second is labelled", lambda: worker.counts.posted == 2)
    assert worker.counts.duplicates == 0


def test_the_rate_is_limited(service: Service, tmp_path: Path) -> None:
    where, key = context("limited")
    play(service.url, where, 3)
    until("they are wanted", lambda: len(wanted(service, key)) == 3)
    worker = Worker(service.url, key, Exact(), Journal(tmp_path / "j"), max_per_minute=0.01, warn=lambda _: None)
    with working(worker):
        until("the first is labelled", lambda: worker.counts.posted == 1)
    assert worker.counts.graded == 1, "the next one would start in 100 minutes"


def test_the_command_grades_and_prints_its_counts(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where, key = context("command")
    play(service.url, where, 2)
    until("they are wanted", lambda: len(wanted(service, key)) == 2)
    texts = tmp_path / "texts.jsonl"
    texts.write_text(
        "".join(json.dumps({"generation_id": id, "reference": "right"}) + "\n" for id in wanted(service, key))
    )
    options = ["grade", "--url", service.url, "--context", key, "--grader", "exact", "--texts", str(texts)]
    assert main([*options, "--journal", str(tmp_path / "j"), "--until-empty", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {**printed, "posted": 2, "early_lost": 2, "failed": 0}
    assert main(["grade", "--grader", "exact"]) == 1
    assert main(["grade", "--grader", "nothing", "--context", key]) == 1
    assert "there is no grader 'nothing'" in capsys.readouterr().err


def test_the_command_audits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text(
        '{"answer": "8", "early": "9", "em": 1, "early_em": 0}\n{"answer": "8", "early": "8.0", "em": 1, "early_em": 1}\n'
    )
    assert main(["grade", "--grader", "number", "--audit", str(file)]) == 0
    assert "agreement with the labels: 2 of 2" in capsys.readouterr().out
