"""What the plug-in believes of the statements of clients."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from conftest import Service
from fake_vllm import FakeEngine
from stopgate._outcome import outcome_of
from stopgate.generation import Generation
from stopgate.vllm_plugin import _trust_of
from stopgate.vllm_plugin.exchange import CURRENT, Exchange
from stopgate.vllm_plugin.golds import Golds
from stopgate.vllm_plugin.serving import Server
from stopgate.vllm_plugin.trust import ClientTrust
from vllm_server import IN_ONE, PROMPT, arm_is, play, prepare, requesting, said, wanting

BODY = {"messages": [{"role": "user", "content": "2 + 2?"}], "metadata": {"task": "mine"}}
LIES = {"gold": "42", "group": "g", "samples": "4096"}
EXTRA = {"extra_args": {"stopgate_gold": "42", "stopgate_group": "g", "stopgate_context": "task=mine"}}


def outcomes_of(
    service: Service, monkeypatch: pytest.MonkeyPatch, task: str, trust: ClientTrust, **options: Any
) -> Any:
    """The outcomes of a request that lies in its headers, and of one that lies in its extra arguments, both for two samples."""
    arm_is(monkeypatch, "control")
    prepare(service, "-", 0.9)
    prepare(service, task, 0.9)
    outcomes: list[dict[str, Any]] = []

    def keep(run: Generation, end: Any) -> Any:
        outcomes.append(outcome_of(run, end))
        return outcomes[-1]

    async def test(engine: FakeEngine, server: Server) -> None:
        monkeypatch.setattr("stopgate._session.outcome_of", keep)
        with requesting(task, BODY, **LIES):
            await said(server(PROMPT, wanting(IN_ONE), "r1"))
        with requesting(task, BODY):
            await said(server(PROMPT, wanting(IN_ONE, n=2, **EXTRA), "r2"))
        await server.settle()

    play(service, task, test, {"trust": trust, **options})
    return outcomes


def test_a_client_that_is_not_trusted_states_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = outcomes_of(service, monkeypatch, "plug-lies", ClientTrust())
    assert len(outcomes) == 3
    assert all(one["context"] == {"model": "q"} and "reference" not in one for one in outcomes)
    assert "group_id" not in outcomes[0]
    groups = {(one["group_id"], one["samples"]) for one in outcomes[1:]}
    [(group, samples)] = groups
    assert samples == 2 and "r2" not in group and group != "g", "clients choose no arm by an id"
    for name in ("gold", "group", "samples", "context: task"):
        assert caplog.text.count(f"stopgate's {name} of a client is left out") == 1


def test_the_operator_s_answers_precede_those_of_clients(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text('{"prompt": "2 + 2?", "gold": "4"}', encoding="utf-8")
    outcomes = outcomes_of(service, monkeypatch, "plug-file", ClientTrust(True), golds=Golds(str(path)))
    assert [one["reference"] for one in outcomes] == [["4"]] * 3


def test_clients_may_name_the_contexts_that_the_operator_lists(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = outcomes_of(service, monkeypatch, "plug-list", ClientTrust(False, "task=plug-*"))
    assert [one["context"] for one in outcomes] == [{"model": "q", "task": "plug-list"}] * 3


def test_patterns_name_the_values_of_a_level() -> None:
    trust = ClientTrust(False, "task=gsm8k, task=math-*,lang=a%2Cb,job=a.b")
    for level, value, may in [
        ("task", "gsm8k", True), ("task", "gsm8k2", False), ("task", "math-", True), ("task", "math-7\nx", True),
        ("lang", "a,b", True), ("lang", "gsm8k", False), ("job", "axb", False),
    ]:  # fmt: skip
        assert bool(trust.named({level: value})) is may
    with pytest.raises(ValueError, match="STOPGATE_CONTEXTS must be like"):
        ClientTrust(False, "gsm8k")


def test_the_start_says_whether_clients_are_trusted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert (
        not _trust_of({"STOPGATE_CONTEXTS": "task=a"}).is_trusted
        and _trust_of({"STOPGATE_TRUST_CLIENTS": "yes"}).is_trusted
    )
    assert (
        "clients are not trusted: " in caplog.text
        and "(task=a)" in caplog.text
        and "clients are trusted: " in caplog.text
    )
    with pytest.raises(ValueError, match="STOPGATE_TRUST_CLIENTS must be no or yes"):
        _trust_of({"STOPGATE_TRUST_CLIENTS": "maybe"})


ODD_VALUES: "list[Any]" = [
    None, True, -1, 1e308, "", "x" * 200, "\ud800", "\u0000", [], [[]], {}, {"task": "\ud83d"}, {"task": ["x"]},
    {"task": "a\nb=c"}, {"task": "\0"}, {"model": "other"}, {"function": 5},
]  # fmt: skip
ODD_HEADERS = [
    b"", b"task=", b"task=%FF", b"task=\xff", b"a=b," * 3000, b"task=a%0Ab", b"=", b"task=%ED%A0%80", b"0", b"9" * 20,
    "\u0661".encode(), b"\x00", b"task=x,task=y", b"task=plug-x",
]  # fmt: skip


@pytest.mark.parametrize("is_trusted", [False, True])
def test_hostile_requests_meet_no_fault_and_the_service_accepts_their_outcomes(
    service: Service, is_trusted: bool
) -> None:
    prepare(service, "plug-hostile", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        chance = random.Random(1)
        for number in range(150):
            names = ("metadata", "messages", "prompt", "stream_options", "input", "request_id", "tool_choice")
            body = {name: chance.choice(ODD_VALUES) for name in names if chance.random() < 0.6}
            stated = (b"x-stopgate" + name for name in (b"-context", b"-group", b"-samples", b"-gold"))
            exchange = Exchange([(name, chance.choice(ODD_HEADERS)) for name in stated if chance.random() < 0.3])
            exchange.received({"body": json.dumps(body).encode()})
            extra = {f"stopgate_{name}": chance.choice(ODD_VALUES) for name in ("gold", "x") if chance.random() < 0.3}
            token = CURRENT.set(exchange)
            samples = chance.choice([1, 1, 3])
            await said(server(PROMPT, wanting(IN_ONE, n=samples, extra_args=extra or None), f"r{number}"))
            CURRENT.reset(token)
        assert "faults" not in server.counts.all()

    play(service, "plug-hostile", test, {"trust": ClientTrust(is_trusted, "task=plug-*")})
