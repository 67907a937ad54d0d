"""The blocking client against a real service."""

import logging

import pytest

from conftest import Service, until
from playing import Played, is_right
from stopgate import Client, ClientGone, Generation, Probe


def context(name: str) -> tuple[dict[str, str], str]:
    return {"model": "q", "task": name}, f"model=q,task={name}"


def treated(client: Client, where: dict[str, str]) -> Generation:
    one = client.generation(where)
    one.arm = "treated"
    return one


def test_a_confidence_in_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="divide percent by 100"):
        Probe("2", 90)
    assert Probe("2", 1.0000001).confidence == 1.0000001
    assert Probe("2", confidence=None, tokens=3) == ("2", None, None, 3, 0, None, None)


def test_a_generation_runs_in_full_and_is_reported_with_its_steps(service: Service) -> None:
    where, key = context("full")
    with Client(service.url, timeout=30) as client:
        played = Played(100, knows_at=64)
        assert client.run(client.generation(where, grade=is_right), played.generate, played.probe) == "right"
        assert played.asked == [16, 32, 64, 96, 128], "first where an unknown context asks"
        assert client.flush(30)
    said = until("the outcome is learned from", lambda: (v := service.counts(key)).get("reported") and v)
    assert (said["enrolled"], said["reported"], said["unenrolled"]) == (1, 1, 0)


def test_a_stop_ends_the_generation_with_the_answer_just_probed(service: Service) -> None:
    where, key = context("stopped")
    service.pin(key)
    client = Client(service.url, timeout=30)
    one, played = treated(client, where), Played(1000, knows_at=64)
    assert client.run(one, played.generate, played.probe) == "right"
    assert (one.stopped, played.tokens, played.probes, client.counters.stops) == (True, 64, 3, 1)
    assert client.counters.probe_tokens == 9
    client.close()


def test_rows_of_a_batch_stop_one_by_one_with_one_call_per_step(service: Service) -> None:
    where, key = context("batch")
    service.pin(key)
    client = Client(service.url, timeout=30)
    rows = [Played(96, knows_at=32 * (i % 4)) for i in range(8)]
    runs = [treated(client, where) for _ in rows]
    stopped_at = {}
    for tokens in (32, 64):
        for row in rows:
            row.generate(tokens)
        due = [(run, row) for run, row in zip(runs, rows, strict=True) if run.due(tokens)]
        for run in client.check(run.observe(tokens, row.probe()) for run, row in due):
            stopped_at[runs.index(run)] = tokens
    assert stopped_at == {0: 32, 1: 32, 2: 64, 4: 32, 5: 32, 6: 64}
    assert (client.counters.calls, client.counters.checks) == (2, 12)
    client.close()


def test_a_free_confidence_is_probed_only_in_the_control_arm(service: Service) -> None:
    where, _ = context("free")
    with Client(service.url, timeout=30) as client:
        one = client.generation(where)
        assert client.check([one.observe(32, confidence=0.9)]) == []
        assert (one.arm, one.wants_probe, one.next_check) == ("control", True, 64)
        one.probed(Probe("right", tokens=4))
        assert not one.wants_probe and one.probed_score == 0.9
        client.check([one.observe(64, confidence=0.3)])
        assert not one.wants_probe
        assert one.finish("right", tokens=70) == "right"


def test_generations_follow_the_cadence_of_their_context(service: Service) -> None:
    where, key = context("slow")
    service.put(f"/v1/contexts/{key}/policy", {"check_every_tokens": 100, "check_growth": 0.5, "min_tokens": 150})
    with Client(service.url, timeout=30) as client:
        one = client.generation(where)
        assert one.next_check == 16
        client.check([one.observe(32, confidence=None)])
        assert one.next_check == 200
        client.check([one.observe(300, confidence=None)])
        assert one.next_check == 500, "300 * 1.5, and then the next multiple"
        assert client.generation(where).next_check == 200


def test_a_generation_whose_client_leaves_is_cancelled_and_a_failed_one_is_not_reported(service: Service) -> None:
    where, _ = context("left")
    with Client(service.url, timeout=30) as client:

        def leave(error: Exception) -> None:
            played = Played(100)

            def generate(limit: int) -> tuple[int, bool]:
                if limit > 32:
                    raise error
                return played.generate(limit)

            with pytest.raises(type(error)):
                client.run(client.generation(where), generate, played.probe)

        leave(ClientGone())
        assert client.flush(30) and client.counters.reported == 1
        leave(RuntimeError())
        assert client.run(client.generation(where), Played(5).generate, Played(5).probe) == "right"
        assert client.flush(30) and client.counters.reported == 1


def test_a_late_label_follows_its_outcome(service: Service) -> None:
    where, _ = context("late")
    wanted: list[str] = []
    with Client(service.url, timeout=30, on_label_wanted=wanted.append) as client:
        one, played = client.generation(where), Played(100, knows_at=64, unsure=0.9)
        client.run(one, played.generate, played.probe)
        client.label(one.id, em=True, stopped_probe_em=False)
        assert client.flush(30)
        assert (client.counters.reported, client.counters.rejected) == (2, 0)
    assert wanted == [one.id]


def test_values_beyond_the_limits_do_not_end_a_generation(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    where, _ = context("odd")
    with Client(service.url, timeout=30) as client, caplog.at_level(logging.WARNING, "stopgate"):
        odd = client.generation({"nobody": "x"})
        percent = client.generation(where, "é" * 100)
        silent = client.generation(where)
        assert client.check([
            odd.observe(32, Probe("a" * 5000, 0.5)),
            percent.observe(32, Probe("\ud800", 1.7, {"entropy": float("nan"), "x": float("inf")})),
            silent.observe(32, confidence=float("nan")),
        ]) == []  # fmt: skip
        assert (odd.arm, percent.arm, silent.arm) == (None, "control", "control")
        assert odd.next_check == 48
        for one in (odd, percent, silent):
            one.finish("a" * 5000, tokens=40, em=1)
        assert client.flush(30)
        assert (client.counters.reported, client.counters.rejected) == (2, 1)
    assert "is not a context level" in caplog.text and "is 1.7" in caplog.text


def test_samples_of_a_group_share_an_arm(service: Service) -> None:
    where, key = context("groups")
    service.pin(key, 0.999)
    with Client(service.url, timeout=30) as client:
        runs = [client.generation(where, group="p", sample=i, samples=8, grade=is_right) for i in range(8)]
        client.check(run.observe(32, Probe("right", 0.5)) for run in runs)
        assert len({run.arm for run in runs}) == 1
        for run in runs:
            run.finish("right", tokens=50)
        assert client.flush(30) and client.counters.rejected == 0


def test_the_service_grades_by_a_reference(service: Service) -> None:
    where, _ = context("graded")
    with Client(service.url, timeout=30) as client:
        played = Played(100, knows_at=64)
        client.run(client.generation(where), played.generate, played.probe, reference="right")
        assert client.flush(30) and client.counters.reported == 1


def test_a_failing_grade_does_not_affect_the_answer(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    where, _ = context("failing")

    def grade(answer: str) -> bool:
        raise RuntimeError(answer)

    with Client(service.url, timeout=30) as client:
        played = Played(100)
        assert client.run(client.generation(where, grade=grade), played.generate, played.probe) == "right"
        assert client.flush(30)
    assert "grade() failed" in caplog.text


def test_a_grade_that_returns_nothing_is_no_verdict(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    where, _ = context("nothing")
    wanted: list[str] = []
    with Client(service.url, timeout=30, on_label_wanted=wanted.append) as client:
        one, played = client.generation(where, grade=lambda answer: None), Played(100, knows_at=64, unsure=0.9)
        assert client.run(one, played.generate, played.probe) == "right"
        assert client.flush(30)
    assert wanted == [one.id]
    assert "grade() returned None" in caplog.text


def test_mistakes_of_a_worker_get_a_message_that_names_them(caplog: pytest.LogCaptureFixture) -> None:
    client = Client("http://127.0.0.1:9", exit_seconds=0)
    with pytest.raises(TypeError, match=r"a probe is a stopgate\.Probe\(answer, confidence\), not str"):
        client.run(client.generation({"task": "x"}), Played(100).generate, lambda: "42")  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="a context has a value for each level"):
        client.generation("model=q")  # type: ignore[arg-type]
    assert client.generation({"task": None}).context == {"task": "None"}  # type: ignore[dict-item]
    assert "a level of the context {'task': None} has no value" in caplog.text


def test_the_url_must_be_http() -> None:
    with pytest.raises(ValueError, match="http"):
        Client("localhost:8080")


@pytest.mark.parametrize("local", [False, True])
def test_generations_learn_to_stop(service: Service, local: bool) -> None:
    key = f"model=q,task=learning-{local}"
    where = {"model": "q", "task": f"learning-{local}"}
    # The generations of a round begin at once, and their order carries no information: evidence needs no span.
    shuffled = {"follow_up_seconds": 5, "evidence_span_seconds": 0, "control_rate": "auto"}
    service.put(f"/v1/contexts/{key}/policy", shuffled)
    with Client(service.url, timeout=30, local=local) as client:
        assert client.wait_ready(30)

        def play() -> int:
            rows = [Played(128, knows_at=64, right=f"right {i}") for i in range(100)]
            runs = [client.generation(where, samples=1, grade=is_right) for _ in rows]
            for tokens in (32, 64, 96):
                for row in rows:
                    row.generate(tokens)
                client.check(
                    run.observe(tokens, row.probe()) for run, row in zip(runs, rows, strict=True) if run.due(tokens)
                )
            for run, row in zip(runs, rows, strict=True):
                run.finish(row.right, tokens=run.steps[-1].tokens if run.stopped else 128)
            assert client.flush(30)
            return sum(run.stopped for run in runs)

        until("most generations are stopped", lambda: play() > 50, 60)
        said = until("both arms are accounted for", lambda: (v := service.counts(key))["reported"] > 200 and v)
        assert said["missing"] == 0
        assert client.counters.rejected == 0
        assert (client.counters.enrolled_locally > 0) == local
        assert (client.counters.calls == 0) == local


@pytest.mark.parametrize("local", [False, True])
def test_a_treated_generation_that_asks_between_checks_is_not_stopped(
    service: Service, local: bool, caplog: pytest.LogCaptureFixture
) -> None:
    where = {"model": "q", "task": f"early-{local}"}
    service.pin(f"model=q,task=early-{local}")
    with Client(service.url, timeout=30, local=local) as client:
        assert client.wait_ready(30)

        def ask(tokens: int, run: Generation) -> Generation:
            client.check([run.observe(tokens, Probe("4", 0.01 if tokens == 32 else 0.9))])
            return run

        until("the pin is in force", lambda: ask(64, _treated(client, where)).stopped)
        run = ask(32, _treated(client, where))
        assert run.due_tokens == 64
        assert not ask(40, run).stopped
        assert run.due_tokens == 64
        assert ask(64, run).stopped
        assert "before the check that was due" in caplog.text


def _treated(client: Client, where: dict[str, str]) -> Generation:
    run = client.generation(where)
    run.arm = "treated"
    return run


def test_a_retry_never_asks_and_is_not_reported(service: Service) -> None:
    with Client(service.url, timeout=30) as client:
        run, row = client.generation({"model": "q", "task": "retried"}, retry_of="first"), Played(100)
        assert client.run(run, row.generate, row.probe) == "right"
        assert (row.probes, run.steps) == (1, [])
        assert client.flush(30)
        assert (client.counters.calls, client.counters.reported) == (0, 0)


@pytest.mark.parametrize("local", [False, True])
def test_a_retry_that_asks_nevertheless_goes_on(service: Service, local: bool) -> None:
    where = {"model": "q", "task": f"retried-{local}"}
    service.pin(f"model=q,task=retried-{local}")
    with Client(service.url, timeout=30, local=local) as client:
        assert client.wait_ready(30)
        until("the pin is in force", lambda: client.check([_treated(client, where).observe(64, Probe("4", 0.9))]))
        run = client.generation(where, retry_of="first")
        assert client.check([run.observe(64, Probe("4", 0.9))]) == []
        assert (run.arm, run.wants_probe) == ("treated", False)
        run.finish("4", tokens=100)
        assert client.flush(30)
        assert client.counters.rejected == 0


@pytest.mark.parametrize("local", [False, True])
def test_generations_of_one_prompt_share_an_arm_and_count_once(service: Service, local: bool) -> None:
    where = {"model": "q", "task": f"hashed-{local}"}
    with Client(service.url, timeout=30, local=local) as client:
        assert client.wait_ready(30)
        runs = [client.generation(where, prompt=[1, 2, 3]) for _ in range(4)]
        for run in runs:
            client.check([run.observe(32, Probe("4", 0.9, em=1))])
        assert len({run.arm for run in runs}) == 1
        for run in runs:
            run.finish("4", tokens=64, em=1)
        assert client.flush(30)

        def counts() -> dict[str, int]:
            known = service.counts(f"model=q,task=hashed-{local}")
            return {name: known.get(name, 0) for name in ("enrolled", "reported", "unmarked")}

        until("one of them counts", lambda: counts() == {"enrolled": 1, "reported": 1, "unmarked": 0})
