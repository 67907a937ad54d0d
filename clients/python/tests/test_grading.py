"""Graders, the judge and the audit."""

import json
import math
import random
from pathlib import Path

import pytest

from judge_server import judging, knowing
from stopgate.grading import (
    Early,
    Exact,
    Function,
    GradingFailed,
    Http,
    Item,
    Journal,
    JournalTaken,
    Json,
    Judge,
    Math,
    NotGradable,
    Number,
    Tool,
    audit,
    read_audit,
)  # fmt: skip
from stopgate.grading.intervals import lower_limit, upper_limit
from stopgate.grading.items import label_of_grades, label_of_verdicts, verdicts_of
from stopgate.grading.judge import Comparison, side_in


def item(answer: str, *early: str, reference: str | None = None, prompt: str | None = "Question?") -> Item:
    return Item("g", answer, [Early(one, [i, 5]) for i, one in enumerate(early)], 6, prompt, reference)


def stop(served: str, probed: str) -> Item:
    return Item("g", served, [Early(probed, [])], 0, "Question?")


@pytest.mark.parametrize(
    ("grader", "one", "other", "same"),
    [
        (Exact(), "The  Answer", "the answer", True), (Exact(), "42", "42.0", False),
        (Number(), "so it is 1,024.0 apples", "1024", True), (Number(), "-3", "3", False), (Number(), "none", "none", False),
        (Number(), "first 7, then 8", "8", True),
        (Math(), r"\frac{1}{2}", "0.5", True), (Math(), r"$x^2+2x$", r"$x(x+2)$", True), (Math(), "$3$", "$4$", False),
        (Math(), "no maths", "no maths", False),
        (Json(), '{"a": 1, "b": [2]}', '```json\n{"b": [2], "a": 1}\n```', True), (Json(), "[1, 2]", "[2, 1]", False),
        (Json(), "text", "text", False), (Json(), 'It is 1:\n```\n{"a": 1.0}\n```', '{"a": 1}', True),
        (Json(), 'From {"a": 1} follows {"b": 2}', '{"a": 1}', False), (Json(), "```\n1\n```\n```\n2\n```", "1", False),
        (Json(), "```json \n\n 1\n```", "1", True), (Json(), "```" + 1_000_000 * "\n", "1", False),
        (Json(), "[" * 100_000, "[" * 100_000, False),
        (Tool(), '[{"id": "1", "function": {"name": "f", "arguments": "{\\"x\\": 1}"}}]', '{"name": "f", "arguments": {"x": 1}}', True),
        (Tool(), '{"name": "f", "arguments": {"x": 1}}', '{"name": "f", "arguments": {"x": 2}}', False),
        (Tool(), 'f {"x":1}', '{"tool_calls": [{"function": {"name": "f", "arguments": "{\\"x\\": 1.0}"}}]}', True),
        (Tool(), 'f {"x":1}', 'g {"x":1}', False), (Tool(), 'f {"x":1}\ng {}', 'f {"x":1}', False),
        (Tool(), 'f {"x":1}\ng {}', '[{"name": "g", "parameters": {}}, {"name": "f", "arguments": {"x": 1}}]', True),
        (Tool(), "no call", "no call", False), (Tool(), '{"x": 1}', '{"x": 1}', False),
    ],
)  # fmt: skip
def test_equality(grader: Exact, one: str, other: str, same: bool) -> None:
    assert grader.equal(one, other) is same
    assert grader.equal(other, one) is same


def test_equality_without_a_reference_takes_no_side() -> None:
    assert Number().label(item("8", "8.0", "9")) == {"verdicts": ["tie", "lost", None, None, None, "lost"]}
    assert Number().label(stop("8", "9")) == {"stopped_probe_verdict": "lost"}
    assert Number().label(stop("8", "8.0")) == {"stopped_probe_verdict": "tie"}


def test_equality_with_a_reference_grades_each_answer() -> None:
    graded = Number().label(item("8", "9", reference="9.0"))
    assert graded == {"em": 0, "steps": [1, None, None, None, None, 1]}
    assert verdicts_of(item("8", "9"), graded) == ["gained"]


def test_rewards_are_labels_of_their_own() -> None:
    rewarded = label_of_grades(item("a", "b"), 0.5, [0.75])
    assert rewarded == {"reward": 0.5, "step_rewards": [0.75, None, None, None, None, 0.75]}
    assert verdicts_of(item("a", "b"), rewarded) == ["gained"]
    assert label_of_grades(stop("a", "b"), 0.5, [0.25]) == {"reward": 0.5, "stopped_probe_reward": 0.25}
    assert label_of_grades(stop("a", "b"), True, [False]) == {"em": 1, "stopped_probe_em": 0}


def test_a_stop_loses_where_its_probe_was_better() -> None:
    label = label_of_verdicts(stop("served", "probed"), ["gained"])  # the probed answer is the better one
    assert label == {"stopped_probe_verdict": "lost"}
    assert verdicts_of(stop("served", "probed"), label) == ["lost"]
    assert verdicts_of(stop("served", "probed"), {"em": 1, "stopped_probe_em": 0}) == ["gained"]


def graded_by_tests(prompt: str | None, answer: str, reference: object) -> bool | float:
    if answer == "raise":
        raise RuntimeError("no")
    return 2.0 if answer == "odd" else answer == "good"


def test_a_function_grades_each_answer() -> None:
    grader = Function("test_grading:graded_by_tests")
    assert grader.label(item("good", "bad")) == {"em": 1, "steps": [0, None, None, None, None, 0]}
    for answer in ("raise", "odd"):
        with pytest.raises(GradingFailed):
            grader.label(item(answer, "bad"))
    with pytest.raises(ValueError):
        Function("no_colon")


def test_a_judge_asks_in_both_orders() -> None:
    with judging(knowing("right")) as server:
        judge = Judge(server.url, "m", known_share=0)
        assert judge.label(item("right", "wrong")) == {"verdicts": ["lost", None, None, None, None, "lost"]}
        assert judge.label(item("wrong", "right"))["verdicts"][0] == "gained"
        assert judge.label(item("wrong", "other"))["verdicts"][0] == "tie"
        assert (server.requests, judge.tokens, judge.source) == (6, 60, "judge:m")
        for prompt in (None, ""):
            with pytest.raises(NotGradable):
                judge.label(item("a", "b", prompt=prompt))
        server.status = 500
        with pytest.raises(GradingFailed):
            judge.label(item("a", "b"))


@pytest.mark.parametrize("always", ["left", "right", "I cannot say"])
def test_a_judge_that_always_gives_the_same_reply_calls_every_answer_lost(always: str) -> None:
    with judging(lambda *_: always) as server:
        assert Judge(server.url, "m").label(item("a", "b"))["verdicts"][0] == "lost"
        assert Judge(server.url, "m").label(stop("a", "b")) == {"stopped_probe_verdict": "lost"}


def test_a_judge_that_sees_no_difference_says_tie() -> None:
    assert Comparison("tie", "tie").verdict == "tie"
    assert Comparison("tie", "left").verdict is None
    assert side_in("<think>left or right?</think> **Tie**.") == "tie"
    assert side_in("leftover") is None


def test_a_service_of_the_operator_grades() -> None:
    class Replying(Http):
        def __init__(self, reply: object) -> None:
            super().__init__("http://127.0.0.1:9")
            self._connections = self  # type: ignore[assignment]
            self._reply = reply

        def call(self, *_: object, **__: object) -> "Replying":
            return self

        def json(self) -> object:
            return self._reply

    assert Replying({"verdicts": [None]}).label(stop("a", "b")) == {"stopped_probe_verdict": "lost"}
    assert Replying({"verdicts": ["tie"]}).label(item("a", "b"))["verdicts"][0] == "tie"
    assert Replying({"grade": 1.0, "early": [0.5]}).label(item("a", "b"))["reward"] == 1.0
    odd: object
    for odd in (
        {"grade": True, "early": []}, {"grade": 2, "early": [1]}, {"grade": 1, "early": [math.nan]}, {"grade": 1}, {},
        {"verdicts": []}, {"verdicts": ["left"]}, {"verdicts": [["tie"]]}, {"verdicts": "tie"}, {"verdicts": ["tie"] * 2}, [1],
    ):  # fmt: skip
        for one in (item("a", "b"), stop("a", "b")):
            with pytest.raises(NotGradable):
                Replying(odd).label(one)
    with pytest.raises(GradingFailed):
        Http("http://127.0.0.1:9").label(item("a", "b"))


def test_limits_are_those_of_clopper_and_pearson() -> None:
    # No miss among n: the limit solves (1 - p)^n = level.
    assert upper_limit(0, 100, 0.01) == pytest.approx(1 - 0.01 ** (1 / 100))
    assert lower_limit(100, 100, 0.025) == pytest.approx(0.025 ** (1 / 100))
    assert (upper_limit(5, 5, 0.01), upper_limit(0, 0, 0.01), lower_limit(0, 9, 0.01)) == (1, 1, 0)
    low, high = lower_limit(7, 40, 0.025), upper_limit(7, 40, 0.025)
    assert sum(math.comb(40, k) * high**k * (1 - high) ** (40 - k) for k in range(8)) == pytest.approx(0.025)
    assert sum(math.comb(40, k) * low**k * (1 - low) ** (40 - k) for k in range(7, 41)) == pytest.approx(0.025)


def test_an_audit_finds_what_a_judge_misses(tmp_path: Path) -> None:
    chance = random.Random(1)
    kinds = {"lost": ("right", "wrong"), "gained": ("wrong", "right"), "tie": ("wrong", "other")}
    rows = [kinds[chance.choice(list(kinds))] for _ in range(150)]
    file = tmp_path / "audit.jsonl"
    file.write_text("".join(
        json.dumps({"prompt": "?", "answer": a, "early": e, "em": int(a == "right"), "early_em": int(e == "right")}) + "\n"
        for a, e in rows
    ))  # fmt: skip
    with judging(knowing("right")) as server:
        report = audit(read_audit(file), Judge(server.url, "m"))
        assert report.agreement.events == 150 and report.missed.events == 0
        assert report.left is not None and abs(report.left.events / report.left.of - 0.5) < 1e-9
        assert 0 < report.miss_rate_limit < 0.15 and report.bias[0] == 0
        server.say = lambda left, right: "left" if right == "wrong" else "right" if left == "wrong" else "tie"
        lines = report.lines()
        assert lines[0].startswith("agreement with the labels: 150 of 150") and lines[-1].startswith("policy: {")
        assert audit(read_audit(file), Judge(server.url, "m")).agreement.events < 150
    with judging(lambda *_: "tie") as server:
        blind = audit(read_audit(file), Judge(server.url, "m"))
        assert blind.missed.events == blind.missed.of > 0 and blind.miss_rate_limit == 1
    with judging(lambda *_: "left") as server:
        biased = audit(read_audit(file), Judge(server.url, "m"))
        assert biased.left is not None and biased.left.events == biased.left.of == 300
        assert biased.disagreeing is not None and biased.disagreeing.events == 150
        assert biased.missed.events == 0 and biased.bias[1] > 0, "where orders disagree, nothing passes as kept"


def test_an_audit_names_the_line_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"answer": "x"}\n')
    with pytest.raises(ValueError, match="a:1:"):
        read_audit(tmp_path / "a")


def test_the_journal_remembers_and_has_one_owner(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.graded("a", {"em": 1})
    journal.graded("b", {"em": 0})
    journal.done("b")
    with pytest.raises(JournalTaken):
        Journal(tmp_path / "j")
    journal.close()
    with (tmp_path / "j").open("a") as file:
        file.write('{"id": "c", "at')  # cut off by a crash
    again = Journal(tmp_path / "j")
    assert "a" in again and "b" in again and "c" not in again
    assert again.unsent() == [("a", {"em": 1})]
    assert len((tmp_path / "j").read_text().splitlines()) == 2, "one line each"
    again.close()


def test_the_journal_writes_through_no_link(tmp_path: Path) -> None:
    """Anybody can make a link in a folder such as /tmp."""
    other = tmp_path / "other"
    other.write_text("precious")
    for name in ("j.lock", "j.new"):
        (tmp_path / name).symlink_to(other)
        with pytest.raises(OSError, match=name):
            Journal(tmp_path / "j")
        (tmp_path / name).unlink()
    (tmp_path / "k").symlink_to(other)
    journal = Journal(tmp_path / "k")  # a link in place of the journal itself is replaced
    journal.done("a")
    journal.close()
    assert other.read_text() == "precious"


def test_the_journal_forgets_what_is_old_and_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stopgate.grading.journal._SPARE_LINES", 10)
    now = [1e9]
    monkeypatch.setattr("stopgate.grading.journal.time.time", lambda: now[0])
    journal = Journal(tmp_path / "j")
    for number in range(40):
        now[0] += 86_400 / 10
        journal.graded(f"g{number}", {"em": 1})
        journal.done(f"g{number}")
    assert "g39" in journal and "g10" not in journal
    assert len((tmp_path / "j").read_text().splitlines()) < 60
    journal.close()
