"""Rollouts of engines that complete token ids, here of a model that has learned nothing."""

import asyncio
from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import torch

from conftest import ROOT, Service, until
from stopgate import AsyncClient
from stopgate._rewards import require_bounds
from stopgate.generation import Generation
from stopgate.rollout import ReasoningFormat, Rollout, Said, Turn, rollout
from tiny import TOKENS, tiny_tokenizer

CLOSE = "\n</think>\n"
END, CLOSE_ID = 1, 2
Fields = SimpleNamespace


class Bigrams:
    """A model whose next token depends on the last one alone, so that it costs next to nothing."""

    def __init__(self) -> None:
        self._logits = 2 * torch.randn(len(TOKENS), len(TOKENS), generator=torch.Generator().manual_seed(1))

    def __call__(self, ids: Any, **_: Any) -> Any:
        return Fields(logits=self._logits[ids])


class Engine:
    """Completes token ids with a model, and remembers the requests."""

    def __init__(self, model: Any = None, step: int = 1000, ends: bool = True) -> None:
        self.model, self.turns, self._step, self._ends = model or Bigrams(), list[Turn](), step, ends
        self._draws = torch.Generator().manual_seed(1)

    def say(self, turn: Turn) -> Said:
        """Completes up to `step` tokens of a turn."""
        return self.say_all([turn])[0]

    @torch.no_grad()
    def say_all(self, turns: list[Turn]) -> list[Said]:
        """Completes up to `step` tokens of each turn, in one batch."""
        self.turns += turns
        said = [Said(list[int](), list[float | None](), False) for _ in turns]
        while open_ := [pair for pair in zip(turns, said, strict=True) if self._goes_on(*pair)]:
            logits = self._next_logits([[*turn.prompt, *one.tokens] for turn, one in open_])
            if not self._ends:
                logits[:, [END, CLOSE_ID]] = -torch.inf
            levels = logits.log_softmax(-1)
            drawn = torch.multinomial(levels.exp(), 1, generator=self._draws)[:, 0]
            for (turn, one), its, token in zip(open_, levels, drawn, strict=True):
                one.tokens.append(int(its.argmax() if turn.is_greedy else token))
                assert one.logprobs is not None
                one.logprobs.append(float(its[one.tokens[-1]]))
        return [one._replace(has_ended=one.tokens[-1:] == [END]) for one in said]

    def _goes_on(self, turn: Turn, said: Said) -> bool:
        return len(said.tokens) < min(turn.max_tokens, self._step) and said.tokens[-1:] != [END]

    def _next_logits(self, rows: list[list[int]]) -> Any:
        longest = max(map(len, rows))
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        return self.model(ids, attention_mask=mask).logits[:, -1].clone()

    async def __call__(self, turn: Turn) -> Said:
        """As an engine of a trainer is called."""
        await asyncio.sleep(0)
        return self.say(turn)


async def vowels(completions: list[list[int]]) -> list[float | None]:
    """Rewards vowels."""
    tokenizer = tiny_tokenizer()
    texts = [tokenizer.decode(tokens, skip_special_tokens=True) for tokens in completions]
    return [sum(one in "aeiou" for one in text) / max(1, len(text)) for text in texts]


async def roll(
    client: AsyncClient, engine: Engine, task: str, mode: Literal["answer", "truncate"] = "answer", count: int = 8
) -> list[tuple[Generation, Rollout]]:
    """Samples of one prompt each."""
    reasoning, tokenizer = ReasoningFormat(close=CLOSE, ask=CLOSE, answer_tokens=2), tiny_tokenizer()
    prompt, runs = [5, 6, 7], [client.generation({"model": "turns", "task": task}, samples=1) for _ in range(count)]
    done = [
        rollout(
            client, run, prompt, tokenizer, engine, max_new_tokens=40, end_ids={END}, reward=vowels, mode=mode,
            reasoning=reasoning,
        )
        for run in runs
    ]  # fmt: skip
    return list(zip(runs, await asyncio.gather(*done), strict=True))


def stop_treated(service: Service, task: str, model: str = "turns") -> None:
    """Stops treated generations at any check after the first."""
    key = f"model={model},task={task}"
    policy = {"check_every_tokens": 8, "check_growth": 0, "control_rate": 0.5, "min_tokens": 16}
    service.put(f"/v1/contexts/{key}/policy", policy)
    service.put(f"/v1/contexts/{key}/pin", {"threshold": 0.0, "reason": "test"})


@pytest.mark.parametrize("mode", ["answer", "truncate"])
@pytest.mark.parametrize("step", [1000, 3])
def test_turns_end_as_their_mode_says(service: Service, mode: Literal["answer", "truncate"], step: int) -> None:
    stop_treated(service, f"{mode}{step}")
    tokenizer, engine = tiny_tokenizer(), Engine(step=step, ends=False)
    closing = tokenizer.encode(CLOSE, add_special_tokens=False)

    async def all_rolls() -> list[tuple[Generation, Rollout]]:
        async with AsyncClient(service.url, timeout=30) as client:
            while not any(one.stopped for _, one in await roll(client, engine, f"{mode}{step}")):
                pass  # the pin is not known yet
            engine.turns.clear()
            done = await roll(client, engine, f"{mode}{step}", mode, 24)
            assert await asyncio.to_thread(client.flush, 30)
            return done

    done = asyncio.run(all_rolls())
    stopped = [one for _, one in done if one.stopped]
    assert stopped and len(stopped) < len(done)
    for run, one in done:
        assert len(one.tokens) == len(one.mask) == len(one.logprobs) <= 40
        forced = [token for token, kept in zip(one.tokens, one.mask, strict=True) if not kept]
        assert forced == (closing if one.stopped and mode == "answer" else [])
        assert [level is None for level in one.logprobs] == [not kept for kept in one.mask]
        if one.stopped and mode == "truncate":
            assert len(one.tokens) == run.steps[-1].tokens and one.reward == run.steps[-1].reward
        if run.arm == "control":
            assert all(step.reward is not None for step in run.steps if step.answer is not None)
    assert all(turn.max_tokens <= 40 for turn in engine.turns)
    assert {turn.max_tokens for turn in engine.turns if turn.is_forced} == {2}
    assert not any(turn.is_greedy for turn in engine.turns), "answers are forced as rollouts are sampled"


def test_a_form_is_found_at_the_ends_of_reasonings(service: Service) -> None:
    class Closing(Engine):
        """Closes its reasoning after 12 tokens, and answers "g"."""

        def say(self, turn: Turn) -> Said:
            self.turns.append(turn)
            text = tiny_tokenizer().decode(turn.prompt)
            said = [*[8] * max(0, 15 - len(turn.prompt)), 2, 10, END] if "</think>" not in text else [10, END]
            tokens = said[: turn.max_tokens]
            return Said(tokens, [-0.1] * len(tokens), tokens[-1:] == [END])

    async def all_rolls() -> int:
        async with AsyncClient(service.url, timeout=30) as client:
            for _ in range(24):
                run = client.generation({"model": "turns", "task": "form"}, samples=1)
                done = await rollout(
                    client, run, [5, 6, 7], tiny_tokenizer(), Closing(), max_new_tokens=40, end_ids={END}, reward=vowels
                )
                assert done.tokens[-2:] == [10, END] and all(done.mask)
            forms = service.get("/v1/contexts/model=turns,task=form") if run.steps else {}
            return len(forms) or client.forms.forcing(run, ReasoningFormat()) is not None

    assert until("a form is known", lambda: asyncio.run(all_rolls()))


def test_what_an_engine_or_a_reward_raises_is_raised_and_nothing_reported(service: Service) -> None:
    class Broken(Engine):
        def say(self, turn: Turn) -> Said:
            raise RuntimeError("out of memory")

    async def no_reward(completions: list[list[int]]) -> Sequence[float | None]:
        raise RuntimeError("no grader")

    stop_treated(service, "broken")

    async def attempt(engine: Engine, reward: Any) -> tuple[int, int]:
        async with AsyncClient(service.url, timeout=30) as client:
            run = client.generation({"model": "turns", "task": "broken"}, samples=1)
            reasoning = ReasoningFormat(close=CLOSE, ask=CLOSE, answer_tokens=2)
            done = rollout(
                client, run, [5], tiny_tokenizer(), engine, max_new_tokens=40, end_ids={99}, reward=reward,
                reasoning=reasoning,
            )  # fmt: skip
            if reward is not vowels or isinstance(engine, Broken):
                with pytest.raises(RuntimeError):
                    await done
            else:
                await done
            await asyncio.to_thread(client.flush, 30)
            return client.counters.reported, len(run.steps)

    assert asyncio.run(attempt(Broken(), vowels)) == (0, 0)
    reported, steps = asyncio.run(attempt(Engine(ends=False), no_reward))
    assert reported == 0 and steps > 0
    assert asyncio.run(attempt(Engine(ends=False), vowels))[0] == 1, "without an error it is reported"


def test_a_sample_that_ends_before_its_first_check_is_reported_with_its_group(service: Service) -> None:
    class Short(Engine):
        def say(self, turn: Turn) -> Said:
            return Said([10, 11, END], [-0.1] * 3, True)

    stop_treated(service, "short")
    told: list[tuple[Any, ...]] = []

    async def all_rolls() -> int:
        async with AsyncClient(service.url, timeout=30) as client:
            reasoning = ReasoningFormat(close=CLOSE, ask=CLOSE, answer_tokens=2)
            for engine in (Engine(ends=False), Short()):
                run = client.generation({"model": "turns", "task": "short"}, group="g1", samples=2)
                await rollout(
                    client, run, [5], tiny_tokenizer(), engine, max_new_tokens=40, end_ids={END}, reward=vowels,
                    reasoning=reasoning,
                )  # fmt: skip
                told.append((run.arm, [step.tokens for step in run.steps][-1:]))
            await asyncio.to_thread(client.flush, 30)
            return client.counters.reported

    assert asyncio.run(all_rolls()) == 2
    assert told[0][0] == told[1][0] and told[1][1] == [3]


def test_rewards_outside_their_bounds_are_no_labels() -> None:
    bounds = require_bounds((-1.0, 1.0))
    assert [bounds.scaled(one) for one in (-1.0, 0.0, 1.0, None)] == [0.0, 0.5, 1.0, None]
    assert bounds.scaled(1.0 + 1e-7) == 1.0, "rounding"
    assert [bounds.scaled(one) for one in (1.5, -2.0, float("nan"), float("inf"))] == [None] * 4


class Recipes:
    """The recipes in examples/trainers."""

    def __init__(self, service: Service) -> None:
        self.url, self.engine, self.tokenizer = service.url, Engine(ends=False), tiny_tokenizer()
        service.put("/v1/contexts/model=q-rl/policy", {"check_every_tokens": 8, "check_growth": 0})

    def run(self, trainer: str, **names: Any) -> dict[str, Any]:
        """Runs a recipe, in a module with the names of its trainer."""
        reasoning = ReasoningFormat(close=CLOSE, ask=CLOSE, answer_tokens=2)
        code = (ROOT / "examples/trainers" / f"{trainer}.py").read_text()
        exec(code.replace("http://localhost:8080", self.url), names)
        names["rollout"] = partial(rollout, reasoning=reasoning)  # the model has learned nothing, so no form is found
        return names

    def assert_probed(self) -> None:
        """Answers were forced."""
        asked = self.tokenizer.encode(CLOSE, add_special_tokens=False)
        assert any(turn.prompt[-len(asked) :] == asked and turn.max_tokens == 2 for turn in self.engine.turns)

    async def complete(self, prompt: list[int], max_tokens: int, temperature: float | None = None) -> Said:
        """What an engine of a trainer does."""
        return self.engine.say(Turn(prompt, max_tokens, temperature == 0))


@pytest.fixture
def recipes(service: Service) -> Recipes:
    """The recipes in examples/trainers."""
    return Recipes(service)


def test_the_recipe_for_verl_runs(recipes: Recipes) -> None:
    class Loop:
        tokenizer = recipes.tokenizer
        config = Fields(actor_rollout_ref=Fields(rollout=Fields(response_length=40)))

        async def apply_chat_template(self, messages: Any) -> list[int]:
            return [5, 6, 7]

        @property
        def server_manager(self) -> Any:
            async def generate(request_id: str, prompt_ids: list[int], sampling_params: dict[str, Any]) -> Any:
                said = await recipes.complete(prompt_ids, sampling_params["max_tokens"], sampling_params["temperature"])
                return Fields(token_ids=said.tokens, log_probs=said.logprobs)

            return Fields(generate=generate)

    module = recipes.run(
        "verl", register=lambda name: lambda loop: loop, AgentLoopBase=Loop, AgentLoopOutput=Fields, AgentLoopMetrics=dict,
        compute_score=lambda source, text, target: 1.0,
    )  # fmt: skip
    row = {"raw_prompt": [], "data_source": "letters", "reward_model": {"ground_truth": "a"}}
    done = asyncio.run(module["StoppedLoop"]().run({"temperature": 1.0}, **row))
    recipes.assert_probed()
    assert done.reward_score == 1.0 and done.prompt_ids == [5, 6, 7]
    assert 0 < len(done.response_ids) == len(done.response_mask) == len(done.response_logprobs) <= 40


def test_the_recipe_for_openrlhf_runs(recipes: Recipes) -> None:
    async def generate(prompt: list[int], params: Any) -> Any:
        said = await recipes.complete(prompt, params.max_tokens, params.temperature)
        levels = [{token: Fields(logprob=level)} for token, level in zip(said.tokens, said.logprobs or [], strict=True)]
        reason = "stop" if said.has_ended else "length"
        return Fields(outputs=[Fields(token_ids=said.tokens, logprobs=levels, finish_reason=reason)])

    module = recipes.run("openrlhf", AgentExecutorBase=object, score=lambda text, label: 0.5)
    executor, params = module["AgentExecutor"](), Fields(temperature=1.0, max_tokens=40, logprobs=1)
    done = asyncio.run(executor.execute("abc", "a", params, 43, recipes.tokenizer, Fields(generate=generate)))
    recipes.assert_probed()
    assert done["reward"] == 0.5 and len(done["observation_tokens"]) == len(done["rollout_log_probs"]) <= 43
    assert all(3 <= start < len(done["observation_tokens"]) for start, _ in done["action_ranges"])


def test_the_recipe_for_slime_runs(recipes: Recipes) -> None:
    async def post(url: str, body: dict[str, Any]) -> Any:
        params = body["sampling_params"]
        said = await recipes.complete(body["input_ids"], params["max_new_tokens"], params["temperature"])
        rows = [[level, token, None] for token, level in zip(said.tokens, said.logprobs or [], strict=True)]
        reason = "stop" if said.has_ended else "length"
        return {"meta_info": {"output_token_logprobs": rows, "finish_reason": {"type": reason}}}

    sample = Fields(prompt="abc", label="a")
    module = recipes.run(
        "slime", post=post, score=lambda text, label: 0.25, GenerateState=lambda args: Fields(tokenizer=recipes.tokenizer),
        Sample=Fields(Status=Fields(COMPLETED="completed", TRUNCATED="truncated")),
    )  # fmt: skip
    args = Fields(sglang_router_ip="127.0.0.1", sglang_router_port=1)
    done = asyncio.run(module["generate"](args, sample, {"max_new_tokens": 40, "temperature": 1.0}))
    recipes.assert_probed()
    assert (done.status, done.reward) == ("truncated", 0.25)
    assert done.response_length == len(done.loss_mask) == len(done.rollout_log_probs) == len(done.tokens) - 3
