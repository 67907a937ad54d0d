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
from stopgate._http import Reply
from stopgate.grading import Exact, GradingFailed, Item, Journal, Judge, Refused, Worker
from stopgate.grading.cli import _TextsOfFile, figures_of, main, metrics_text

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


def play_until_wanted(service: Service, where: Mapping[str, str], key: str, count: int = 3) -> list[str]:
    """Plays until the labels of `count` generations or more are wanted, and returns their ids.

    Those that a slow disk enrols too late are left out of the evidence, so others are played for them.
    """
    play(service.url, where, count)
    for _ in range(8):
        try:
            until("they are wanted", lambda: len(wanted(service, key)) >= count, 15)
        except AssertionError:
            play(service.url, where, 1)
        else:
            return wanted(service, key)
    raise AssertionError(f"too few labels are wanted: {service.counts(key)}")


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
    assert until("the labels count", lambda: service.counts(key).get("labels_given") == 3)
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
    ids = play_until_wanted(service, where, key)
    grader = Once()
    worker = Worker(service.url, key, grader, Journal(tmp_path / "j"), threads=1, warn=lambda _: None)
    worker.run(until_empty=True)
    assert sorted(grader.calls.values()) == [*[1] * (len(ids) - 1), 2]
    assert (worker.counts.failed, worker.counts.posted) == (1, len(ids))


def test_a_label_that_was_given_before_a_crash_is_sent_and_not_given_again(service: Service, tmp_path: Path) -> None:
    where, key = context("crash")
    first, *others = play_until_wanted(service, where, key, 2)
    journal = Journal(tmp_path / "j")
    journal.graded(first, {"em": 1, "source": "once"})
    journal.close()
    grader = Once()
    worker = Worker(service.url, key, grader, Journal(tmp_path / "j"), threads=1, warn=lambda _: None)
    worker.run(until_empty=True)
    assert first not in grader.calls and worker.counts.posted == 1 + len(others)


def test_the_worker_outlives_a_restart_of_the_service(mortal_service: Service, tmp_path: Path) -> None:
    where, key = context("restart")
    worker = Worker(mortal_service.url, key, Exact(), Journal(tmp_path / "j"), warn=lambda _: None)
    with working(worker):
        play(mortal_service.url, where, 1)
        until("the first is labelled", lambda: worker.counts.posted == 1)
        mortal_service.kill()
        mortal_service.start()
        play(mortal_service.url, where, 1)
        until("the second is labelled", lambda: worker.counts.posted == 2)
    assert worker.counts.duplicates == 0


def test_the_rate_is_limited(service: Service, tmp_path: Path) -> None:
    where, key = context("limited")
    play_until_wanted(service, where, key)
    worker = Worker(service.url, key, Exact(), Journal(tmp_path / "j"), max_per_minute=0.01, warn=lambda _: None)
    with working(worker):
        until("the first is labelled", lambda: worker.counts.posted == 1)
    assert worker.counts.graded == 1, "the next one would start in 100 minutes"


def test_the_command_grades_and_prints_its_counts(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where, key = context("command")
    ids = play_until_wanted(service, where, key, 2)
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"generation_id": id, "reference": "right"}) + "\n" for id in ids))
    options = ["grade", "--url", service.url, "--context", key, "--grader", "exact", "--texts", str(texts)]
    assert main([*options, "--journal", str(tmp_path / "j"), "--until-empty", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {**printed, "posted": len(ids), "early_lost": len(ids), "failed": 0}
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


class Listing:
    """Stands in for a service that lists generations until they are labelled, and replies to labels as it is told."""

    def __init__(self, *ids: str) -> None:
        self.wanted, self.labels = list(ids), list[str]()
        self.answers: dict[str, str] = {}
        self.early = "early"
        self.replies: dict[str, list[Reply]] = {}

    def call(self, method: str, path: str, body: bytes | None, **_: object) -> Reply:
        if method == "GET":
            wanted = [
                {
                    "generation_id": id,
                    "answer": self.answers.get(id, id),
                    "early": [{"answer": self.early, "steps": [0]}],
                    "steps": 1,
                    "prompt": None,
                }
                for id in self.wanted
            ]
            return reply(200, {"generation_ids": self.wanted, "wanted": wanted, "next": None, "last": "c"})
        id = path.split("/")[3]
        self.labels.append(id)
        if self.replies.get(id):
            return self.replies[id].pop(0)
        self.wanted.remove(id)
        return reply(200, {"accepted": 1})


def reply(status: int, body: object) -> Reply:
    return Reply(status, {}, json.dumps(body).encode(), True)


class Moody:
    """Fails for some items as their ids say."""

    source = "moody"

    def label(self, item: Item) -> dict[str, Any]:
        kind = item.generation_id.rstrip("0123456789")
        if kind == "failing":
            raise GradingFailed("it always fails", 500, 0.001)
        if kind == "odd":
            raise IndexError("an odd answer")
        if kind == "forbidden":
            raise GradingFailed("no token", 401)
        return {"em": 1}


def following(listing: Listing, tmp_path: Path, warnings: list[str] | None = None) -> Worker:
    warn = (lambda _: None) if warnings is None else warnings.append
    worker = Worker("http://127.0.0.1:9", "model=q", Moody(), Journal(tmp_path / "j"), threads=2, warn=warn)
    worker._service = listing  # type: ignore[assignment]
    return worker


def test_items_that_cannot_be_graded_are_given_up_and_the_others_are_graded(tmp_path: Path) -> None:
    listing = Listing("failing1", "odd1", "good1", "good2")
    worker = following(listing, tmp_path)
    worker.run(until_empty=True)
    assert (sorted(listing.labels), worker.counts.posted) == (["good1", "good2"], 2)
    assert (worker.counts.given_up, worker.counts.failed, worker.counts.unlabelled) == (2, 5, 2)


def test_an_outage_of_the_grader_gives_up_nothing(tmp_path: Path) -> None:
    listing = Listing("good1")
    outages = 20

    class Away(Moody):
        def label(self, item: Item) -> dict[str, Any]:
            nonlocal outages
            outages -= 1
            if outages > 0:
                raise GradingFailed("it is away", None, 0.001, is_outage=True)
            return super().label(item)

    worker = following(listing, tmp_path)
    worker._grader = Away()
    worker.run(until_empty=True)
    assert (listing.labels, worker.counts.failed, worker.counts.given_up) == (["good1"], 19, 0)


def test_only_a_refusal_by_the_service_itself_drops_a_label(tmp_path: Path) -> None:
    listing = Listing("bad", "gone", "misrouted")
    listing.replies = {
        "bad": [reply(400, {"code": "INVALID_LABEL"})],
        "gone": [reply(404, {"code": "OUTCOME_NOT_FOUND"})],
        "misrouted": [reply(404, "no such page"), reply(200, ["odd"])],
    }
    worker = following(listing, tmp_path)
    worker.run(until_empty=True)
    assert sorted(listing.labels) == ["bad", "gone", "misrouted", "misrouted", "misrouted"]
    assert (worker.counts.refused, worker.counts.posted) == (2, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_ends_the_worker_and_keeps_the_label(tmp_path: Path, status: int) -> None:
    listing = Listing("good1")
    listing.replies = {"good1": [reply(status, {"code": "FORBIDDEN", "message": "a token of readers"})]}
    worker = following(listing, tmp_path)
    with pytest.raises(Refused, match="a token of readers"):
        worker.run()
    assert [id for id, _ in worker._journal.unsent()] == ["good1"]


def test_a_grader_that_refuses_the_token_ends_the_worker(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no token"):
        following(Listing("forbidden1", "good1"), tmp_path).run()


def test_failures_are_forgotten_with_the_generations_that_leave_the_list(tmp_path: Path) -> None:
    listing = Listing("odd1", "odd2")
    worker = following(listing, tmp_path)
    worker._forget_unlisted()
    worker._grade_all(worker._page_of(listing.call("GET", "", None).json()))
    assert set(worker._failures) == {"odd1", "odd2"}
    worker._forget_unlisted()
    listing.wanted = ["odd2"]
    worker._grade_all(worker._page_of(listing.call("GET", "", None).json()))
    worker._forget_unlisted()
    assert (set(worker._failures), worker.counts.given_up, worker._seen) == ({"odd2"}, 2, set())


def test_the_command_says_that_some_have_no_label(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where, key = context("without-prompts")
    ids = play_until_wanted(service, where, key, 2)
    options = ["grade", "--url", service.url, "--grader", "judge", "--judge-url", service.url, "--judge-model", "m"]
    ending = ["--journal", str(tmp_path / "j"), "--until-empty"]
    assert main([*options, "--context", key, *ending]) == 1
    assert f"{len(ids)} generations have got no label" in capsys.readouterr().err
    assert main([*options, "--context", "model=q,task=misspelt", *ending]) == 1
    assert "CONTEXT_NOT_FOUND" in capsys.readouterr().err


def test_a_worker_waits_for_the_first_outcome_and_says_so_once(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stopgate.grading.worker._FIRST_BACKOFF", 0.01)
    where, key = context("not-yet")
    warnings: list[str] = []
    worker = Worker(service.url, key, Exact(), Journal(tmp_path / "j"), warn=warnings.append)
    asked, call = list[str](), worker._service.call

    def noted(method: str, *args: Any, **options: Any) -> Reply:
        asked.append(method)
        return call(method, *args, **options)

    monkeypatch.setattr(worker._service, "call", noted)
    with working(worker):
        until("it says so", lambda: len(warnings) > 0)
        until("it has asked twice more", lambda: asked.count("GET") >= 3)
        play(service.url, where, 2)
        until("it has graded", lambda: worker.counts.graded == 2)
    assert len(warnings) == 1
    assert "404 CONTEXT_NOT_FOUND: Context " in warnings[0]


def test_a_line_of_texts_that_is_still_being_written_is_read_later(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"generation_id": "a", "reference": "1"}\n{"generation_id": "b", "refer')
    texts = _TextsOfFile(file)
    assert texts("a") is not None and texts("b") is None
    with file.open("a") as more:
        more.write('ence": "2"}\n')
    assert texts("b") == {"generation_id": "b", "reference": "2"}
    file.write_text('{"generation_id"\n{"generation_id": "b"}\n')
    with pytest.raises(ValueError, match=":1: a line needs generation_id"):
        _TextsOfFile(file)
