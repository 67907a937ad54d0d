"""Rollouts in vLLM equal those of the engine, except where they are stopped."""

import asyncio
import re
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import ROOT, Service
from fake_vllm import END, END_THINK, FakeEngine, Letters, Request, SamplingParams
from stopgate import AsyncClient, Generation
from stopgate._outcome import outcome_of
from stopgate._vllm_engine import must_keep_seeds
from stopgate.generation import Ending
from stopgate.vllm import ReasoningFormat, Rollout, generate

PROMPT = Letters().encode("six times seven<think>")
REASONING = ReasoningFormat(close="\n</think>\n", ask="</think>\n", answer_tokens=8)
ANSWER = [*map(ord, FakeEngine.answer), END]
PAGE = (ROOT / "docs/integrate/vllm.md").read_text()
WHOLE = [*map(ord, FakeEngine.reasoning), END_THINK, *ANSWER]


def prepare(service: Service, task: str, threshold: float) -> None:
    service.put(f"/v1/contexts/model=q,task={task}/policy", {"check_every_tokens": 16})
    service.put(f"/v1/contexts/model=q,task={task}/pin", {"threshold": threshold, "reason": "test"})


def runs_in(client: AsyncClient, task: str, arms: "list[str]") -> "list[Generation]":
    runs = [
        client.generation({"model": "q", "task": task}, group=f"{task}-g", sample=i, samples=len(arms))
        for i in range(len(arms))
    ]
    for run, arm in zip(runs, arms, strict=True):
        run.arm = arm  # type: ignore[assignment]
    return runs


def deciding(service: Service) -> AsyncClient:
    client = AsyncClient(service.url, local=True)
    assert client.wait_ready(120)
    return client


def waiting_for(runs: "list[Generation]") -> Any:
    """A reasoning waits for each check."""
    by_id = {run.id: run for run in runs}

    def hold(id: str, tokens: int) -> bool:
        run = by_id.get(id)
        return run is not None and not run.stopped and run.next_check <= min(tokens, 80) - 1

    return hold


async def roll(
    engine: FakeEngine, client: AsyncClient, runs: "list[Generation]", most: "int | None" = 400, **options: Any
) -> "list[Rollout]":
    params = SamplingParams(temperature=0.7, max_tokens=most, logprobs=0)
    return await generate(
        engine, Letters(), [PROMPT] * len(runs), client, runs, params, reasoning=REASONING, **options
    )  # fmt: skip


def probes_of(engine: FakeEngine) -> "list[Request]":
    return [request for id, request in engine.requests.items() if "-probe-" in id]


def test_control_rollouts_are_those_of_the_engine(service: Service) -> None:
    prepare(service, "vllm-control", 0.0)

    async def play() -> None:
        async with deciding(service) as client:
            runs = runs_in(client, "vllm-control", ["control"] * 4)
            engine = FakeEngine(hold=waiting_for(runs))
            finished = await roll(engine, client, runs, references=["42"] * 4)
            assert all(one.tokens == WHOLE and not one.stopped and one.finish_reason == "stop" for one in finished)
            assert all(one.logprobs == [-0.25] * len(WHOLE) for one in finished)
            assert [[step.tokens for step in run.steps] for run in runs] == [[16, 32, 48, 64, 80]] * 4
            assert all(step.answer == "42" and 0.4 < (step.confidence or 0) < 0.6 for run in runs for step in run.steps)
            assert all(len(request.said) == 4 for request in probes_of(engine)), "a probe ends with its line"
            assert all(step.prefill_tokens < 12 for run in runs for step in run.steps), "its prefix is in the cache"
            assert not any(request.is_aborted for id, request in engine.requests.items() if "-probe-" not in id)
            assert client.flush(30) and client.counters.rejected == 0 and client.counters.reported == 4

    asyncio.run(play())


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_a_probe_has_a_seed_on_a_cpu_which_would_ignore_those_of_rollouts(service: Service, device: str) -> None:
    prepare(service, "vllm-seeds", 0.0)

    async def play() -> None:
        async with deciding(service) as client:
            runs = runs_in(client, "vllm-seeds", ["control"])
            engine = FakeEngine(hold=waiting_for(runs), device=device)
            await roll(engine, client, runs)
            greedy = (0, None, 0) if device == "cuda" else (1, 0, 1)
            probes = [one.params for one in probes_of(engine)]
            assert [(one.temperature, one.seed, one.top_k) for one in probes] == [greedy] * 5

    asyncio.run(play())


def test_a_probe_that_cannot_be_read_is_made_once(service: Service) -> None:
    prepare(service, "vllm-unread", 0.9)

    def extract(text: str) -> str:
        if "nothing more" not in text:
            raise ValueError(text)
        return text.split()[0]

    async def play() -> None:
        async with deciding(service) as client:
            runs = runs_in(client, "vllm-unread", ["control"])
            engine = FakeEngine(hold=waiting_for(runs))
            reasoning = replace(REASONING, extract=extract)
            params = SamplingParams(temperature=0.7, max_tokens=400, logprobs=0)
            [one] = await generate(engine, Letters(), [PROMPT], client, runs, params, reasoning=reasoning)
            assert one.tokens == WHOLE and one.answer == "42"
            assert [(step.tokens, step.answer) for step in runs[0].steps] == [(at, None) for at in (16, 32, 48, 64, 80)]
            assert len(probes_of(engine)) == 5

    asyncio.run(play())


def test_a_treated_rollout_is_aborted_at_a_threshold_and_answers(service: Service) -> None:
    prepare(service, "vllm-treated", 0.9)

    async def play() -> None:
        async with deciding(service) as client:
            runs = runs_in(client, "vllm-treated", ["treated"] * 3)
            engine = FakeEngine(confidence=lambda tokens: 0.95 if tokens == 32 else 0.1, hold=waiting_for(runs))
            for one, run in zip(await roll(engine, client, runs), runs, strict=True):
                at = one.reasoning_tokens
                close = Letters().encode(REASONING.close or "")
                assert one.stopped and at == 32
                assert one.tokens == [*WHOLE[:at], *close, *ANSWER]
                assert one.logprobs[at : at + len(close)] == [None] * len(close)
                assert None not in one.logprobs[:at] + one.logprobs[at + len(close) :]
                assert len(one.logprobs) == len(one.tokens)
                assert engine.requests[run.id].is_aborted
                assert engine.requests[f"{run.id}-answer"].params.max_tokens == 400 - at - len(close)
            assert engine.running == 0
            assert client.flush(30) and client.counters.rejected == 0 and client.counters.reported == 3

    asyncio.run(play())


def test_the_answer_follows_exactly_the_prefix_that_was_probed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many tokens come at once, and while the probe and the decision are under way."""
    prepare(service, "vllm-prefix", 0.9)
    random, reported, said = Random(1), {}, Letters()

    def record(run: Generation, ending: Ending) -> "dict[str, Any]":
        reported[run.id] = outcome_of(run, ending)
        return reported[run.id]

    monkeypatch.setattr("stopgate._session.outcome_of", record)

    async def play() -> None:
        stopped = discarded = 0
        async with deciding(service) as client:
            for _ in range(25):
                sure, slow = random.choice([1, 20, 40, 60]), random.randint(1, 12)
                engine = FakeEngine(
                    confidence=lambda tokens, sure=sure: 0.95 if tokens >= sure else 0.1,  # type: ignore[misc]
                    size=lambda: random.randint(1, 6),
                    turns=lambda id, slow=slow: random.randint(0, slow if "-probe-" in id else 2),  # type: ignore[misc]
                )
                runs = runs_in(client, "vllm-prefix", ["treated"] * 4)
                for one, run in zip(await roll(engine, client, runs), runs, strict=True):
                    if not run.steps:
                        continue  # its reasoning ended before its first probe
                    outcome, reasoning = reported[run.id], engine.requests[run.id].said
                    if not one.stopped:
                        assert one.tokens == WHOLE and one.discarded_tokens == 0
                        assert "stopped_probe" not in outcome and outcome["tokens"] == len(WHOLE)
                        continue
                    at = run.steps[-1].tokens
                    prefix = WHOLE[:at]
                    assert engine.requests[f"{run.id}-probe-{at}"].prompt == PROMPT + prefix + said.encode(
                        REASONING.ask or ""
                    )
                    answer = engine.requests[f"{run.id}-answer"]
                    assert answer.prompt == PROMPT + prefix + said.encode(REASONING.close or "")
                    assert answer.params.max_tokens == 400 - len(answer.prompt) + len(PROMPT)
                    assert one.tokens == [*answer.prompt[len(PROMPT) :], *ANSWER]
                    assert (at % 16, one.reasoning_tokens) == (0, at)
                    assert one.discarded_tokens == len(reasoning) - at
                    assert len(one.logprobs) == len(one.tokens) and one.logprobs[at] is None
                    assert None not in one.logprobs[:at]
                    assert outcome["stopped_probe"] == {"tokens": at, "answer": "42"}
                    assert outcome["tokens"] == len(one.tokens) + one.discarded_tokens
                    assert outcome["answer_tokens"] == len(one.tokens) - at
                    stopped, discarded = stopped + 1, discarded + one.discarded_tokens
            assert stopped > 30 and discarded > 0
            assert client.flush(30) and client.counters.rejected == 0

    asyncio.run(play())


def test_a_probe_still_under_way_when_the_reasoning_ends_counts_and_stops_nothing(service: Service) -> None:
    prepare(service, "vllm-late", 0.9)

    async def play() -> None:
        async with deciding(service) as client:
            runs = runs_in(client, "vllm-late", ["control", "treated"])
            waits = waiting_for(runs)

            def hold(id: str, tokens: int) -> bool:
                """The second probe never gets past two tokens. Its reasoning waits until it has got there."""
                if "-probe-32" in id:
                    return tokens == 2
                if tokens < 32:
                    return bool(waits(id, tokens))
                probe = engine.requests.get(f"{id}-probe-32")
                return tokens == 60 and (probe is None or len(probe.said) < 2)

            engine = FakeEngine(confidence=lambda tokens: 0.95 if tokens > 16 else 0.1, hold=hold)
            finished = await roll(engine, client, runs)
            assert all(one.tokens == WHOLE and not one.stopped for one in finished)
            assert all(request.is_aborted for id, request in engine.requests.items() if "-probe-32" in id)
            assert [[(step.tokens, step.probe_tokens) for step in run.steps] for run in runs] == [
                [(16, 4), (32, 2)]
            ] * 2
            assert client.flush(30) and client.counters.rejected == 0

    asyncio.run(play())


@pytest.mark.parametrize("fails", ["the probes", "the service"])
def test_without_probes_or_the_service_rollouts_are_whole(service: Service, fails: str) -> None:
    prepare(service, "vllm-fails", 0.0)
    is_away = fails == "the service"

    async def play() -> None:
        async with AsyncClient("http://127.0.0.1:9", exit_seconds=0) if is_away else deciding(service) as client:
            runs = runs_in(client, "vllm-fails", ["treated"] * 2)
            engine = FakeEngine(fail=lambda id: not is_away and "-probe-" in id, confidence=lambda tokens: 0.99)
            assert [one.tokens for one in await roll(engine, client, runs)] == [WHOLE] * 2
            assert probes_of(engine)

    asyncio.run(play())


def test_an_engine_that_fails_ends_the_batch_and_aborts_the_rest() -> None:
    async def play() -> None:
        async with AsyncClient("http://127.0.0.1:9", exit_seconds=0) as client:
            runs = runs_in(client, "vllm-dead", ["control"] * 3)
            engine = FakeEngine(fail=lambda id: id == runs[1].id, hold=lambda id, tokens: tokens > 5)
            with pytest.raises(RuntimeError, match="dead"):
                await roll(engine, client, runs)
            assert engine.running == 0 and engine.requests[runs[0].id].is_aborted
            assert client.counters.reported == 0

    asyncio.run(play())


def test_answers_lie_within_the_limit_and_reasoning_without_an_end_have_none(service: Service) -> None:
    prepare(service, "vllm-limit", 0.9)

    async def play() -> None:
        async with deciding(service) as client:
            for most, kept in ((50, 50), (20, 20)):
                runs = runs_in(client, "vllm-limit", ["treated"])
                engine = FakeEngine(confidence=lambda tokens: 0.95 if tokens == 32 else 0.1, hold=waiting_for(runs))
                [one] = await roll(engine, client, runs, most)
                assert len(one.tokens) == len(one.logprobs) == kept
                assert one.stopped == (most == 50) and one.finish_reason == "length"
                assert one.answer == "" or one.stopped

    asyncio.run(play())


def test_places_of_the_engine_are_left_for_probes() -> None:
    async def play() -> None:
        async with AsyncClient("http://127.0.0.1:9", exit_seconds=0) as client:
            runs = runs_in(client, "vllm-seats", ["control"] * 20)
            engine = FakeEngine(fail=lambda id: "-probe-" in id)
            assert engine.vllm_config.scheduler_config.max_num_seqs == 8
            await roll(engine, client, runs)
            assert engine.most_running == 6

    asyncio.run(play())


def test_arguments_that_do_not_match_are_refused() -> None:
    async def play() -> None:
        async with AsyncClient("http://127.0.0.1:9", exit_seconds=0) as client:
            runs = runs_in(client, "vllm-refused", ["control"])
            with pytest.raises(ValueError, match="as many"):
                await generate(FakeEngine(), Letters(), [PROMPT] * 2, client, runs, SamplingParams())
            with pytest.raises(ValueError, match="repeat the prompt"):
                await generate(FakeEngine(), Letters(), [PROMPT], client, runs, SamplingParams(n=4))

    asyncio.run(play())


class Chatting(Letters):
    def apply_chat_template(self, chat: Any, **options: Any) -> "list[int]":
        return self.encode(f"{chat[0]['content']}<think>")


def test_the_code_of_the_page(service: Service) -> None:
    """The code of docs/integrate/vllm.md that needs vLLM runs as it stands."""
    [code] = [one for one in re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S) if "stopgate.vllm" in one]
    shown: dict[str, Any] = {}
    exec(compile(code, "vllm.md", "exec"), shown)

    async def play() -> None:
        async with AsyncClient(service.url, local=True) as client:
            assert client.wait_ready(120)
            first = client.generation({"model": "qwen3-8b", "task": "gsm8k"})
            client.forms.forcing(first, ReasoningFormat(probe="direct"))
            while client.forms.forcing(first, ReasoningFormat()) is None:
                await asyncio.sleep(0.05)
            chats = [[{"role": "user", "content": text}] for text in ("six times seven", "seven times six")]
            sampling = SamplingParams(max_tokens=200)
            rollouts = await shown["roll_out"](FakeEngine(), Chatting(), client, chats, ["42"] * 2, sampling, samples=3)
            assert len(rollouts) == 6 and all(one.text == FakeEngine.answer for one in rollouts)
            assert client.flush(30) and client.counters.rejected == 0 and client.counters.reported == 6

    asyncio.run(play())


def test_a_cpu_keeps_seeds_but_with_speculative_decoding() -> None:
    def keeps(device: str, speculative: Any = None) -> bool:
        config = SimpleNamespace(device_config=SimpleNamespace(device_type=device), speculative_config=speculative)
        return must_keep_seeds(config)

    assert keeps("cpu") and not keeps("cuda")
    assert not keeps("cpu", {"method": "ngram"}), "any request with top_k would end the engine"
