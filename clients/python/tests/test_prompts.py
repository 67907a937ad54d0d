"""Prompts, which graders need, go where the service keeps them."""

import json
from typing import Any

import pytest

from conftest import Service, until
from fake_vllm import FakeEngine
from playing import Played
from stopgate import Client
from stopgate._outcome import prompt_of
from stopgate.vllm_plugin.serving import Server
from vllm_server import IN_ONE, PROMPT, arm_is, held, prepare, requesting, said, wanting
from vllm_server import play as play_vllm

QUESTION = "What is right?"


def wanted(service: Service, task: str) -> list[dict[str, Any]]:
    try:
        body = service.get(f"/v1/contexts/model=q,task={task}/wanted-labels?answers=true")
    except OSError:
        return []
    return list(body["wanted"])


@pytest.mark.parametrize("local", [False, True])
def test_a_prompt_is_sent_only_where_the_policy_stores_it(
    service: Service, monkeypatch: pytest.MonkeyPatch, local: bool
) -> None:
    kept, dropped = f"prompts-kept-{local}", f"prompts-dropped-{local}"
    service.put(f"/v1/contexts/model=q,task={kept}/policy", {"store_prompts": True})
    service.put(f"/v1/contexts/model=q,task={dropped}/policy", {"store_prompts": False})
    sent: dict[str, dict[str, Any]] = {}
    with Client(service.url, timeout=30, local=local) as client:
        put = client._session._reporter.put

        def keep(report: Any) -> None:
            body = json.loads(report.body)
            sent[body["context"]["task"]] = body
            put(report)

        monkeypatch.setattr(client._session._reporter, "put", keep)

        def has_policy() -> bool:
            bundle = client.bundle
            rule = None if bundle is None else bundle.rule_of({"model": "q", "task": kept}, f"{kept}-{id(bundle)}")
            return rule is not None and rule.stores_prompts

        if local:
            until("the bundle has the policy", has_policy)
        for task in (kept, dropped):
            played = Played(100, knows_at=96, unsure=0.5, sure=0.6)
            run = client.generation({"model": "q", "task": task}, prompt=QUESTION)
            client.run(run, played.generate, played.probe)
        assert client.flush(30)
    assert sent[kept]["prompt"] == QUESTION
    assert "prompt" not in sent[dropped]
    assert until("its label is wanted", lambda: wanted(service, kept))[0]["prompt"] == QUESTION


def test_only_prompts_that_a_grader_may_need_are_sent() -> None:
    client = Client("http://127.0.0.1:9", exit_seconds=0)
    one = client.generation({"model": "q"}, prompt="p" * 70_000)
    one.arm = "treated"
    assert prompt_of(one) == {}
    one.stopped = True
    assert len(prompt_of(one)["prompt"]) == 65_536
    ids = client.generation({"model": "q"}, prompt=[1, 2])
    assert prompt_of(ids) == {}
    ids.mark_prompt([1, 2], lambda: "one two")
    assert prompt_of(ids) == {"prompt": "one two"}
    broken = client.generation({"model": "q"})
    broken.mark_prompt([1, 2], lambda: str(1 / 0))
    assert prompt_of(broken) == {}


def test_the_plug_in_of_vllm_sends_the_prompt_where_it_is_stored(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm_is(monkeypatch, "control")
    prompts: list[dict[str, str]] = []
    monkeypatch.setattr("stopgate._session.prompt_of", lambda run: prompts.append(prompt_of(run)) or {})  # type: ignore[func-returns-value]

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting("plug-prompts"):
            await said(server(PROMPT, wanting(IN_ONE), "r"))

    prepare(service, "plug-prompts", 0.9)
    play_vllm(service, "plug-prompts", test)
    assert prompts == [], "the policy does not store them"
    service.put("/v1/contexts/model=q,task=plug-prompts/policy", {"check_every_tokens": 16, "store_prompts": True})
    play_vllm(service, "plug-prompts", test)
    assert prompts == [{"prompt": "six times seven<think>"}]
