"""Generations in transformers equal those of generate(), except where they are stopped."""

import re
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from conftest import ROOT, Service
from stopgate import Client, Generation
from stopgate._hf import Prober, prefill
from stopgate._outcome import outcome_of
from stopgate.generation import Ending
from stopgate.hf import ReasoningFormat, Sampling, StopgateCriteria, generate
from tiny import prompts, tiny_model, tiny_tokenizer

torch.set_num_threads(1)  # the machines that run the tests are small
TEXTS = ["abc", "hello", "q", "stop here", "zebra", "mnop", "xyz", "gate"]
REASONING = ReasoningFormat(close="</think>", ask="</think>", answer_tokens=3)
NEW_TOKENS = 60
PAGE = (ROOT / "docs/integrate/python.md").read_text()


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_model()


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


def trimmed(tokens: "list[int]") -> "list[int]":
    """Without what follows the end of the sequence."""
    return tokens[: tokens.index(1) + 1] if 1 in tokens else tokens


def full_runs(model: Any, inputs: Any) -> "list[list[int]]":
    output = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)
    return [trimmed(row) for row in output[:, inputs["input_ids"].shape[1] :].tolist()]


def runs_in(client: Client, task: str, arms: "list[str]") -> "list[Generation]":
    runs = [client.generation({"model": "q", "task": task}) for _ in arms]
    for run, arm in zip(runs, arms, strict=True):
        run.arm = arm  # type: ignore[assignment]
        run.next_check = 8
    return runs


def prepare(service: Service, task: str, threshold: float) -> None:
    service.put(f"/v1/contexts/model=q,task={task}/policy", {"check_every_tokens": 8})
    service.pin(f"model=q,task={task}", threshold)


@pytest.mark.parametrize("window", [None, 16])
def test_a_control_row_is_greedy_generation_token_for_token(
    service: Service, tokenizer: Any, window: int | None
) -> None:
    model = tiny_model(window=window)
    prepare(service, "hf-control", 0.0)
    inputs = prompts(tokenizer, TEXTS)
    with Client(service.url, timeout=30) as client:
        runs = runs_in(client, "hf-control", ["control"] * 8)
        finished = generate(model, tokenizer, inputs, client, runs, max_new_tokens=NEW_TOKENS, reasoning=REASONING)
        assert [one.tokens for one in finished] == full_runs(model, inputs)
        assert sum(len(run.steps) for run in runs) > 8
        assert all(step.answer is not None and step.confidence is not None for run in runs for step in run.steps)
        assert client.counters.probe_tokens == sum(step.probe_tokens for run in runs for step in run.steps) > 0
        assert client.flush(30) and client.counters.rejected == 0


def test_where_nothing_is_in_force_only_control_rows_are_probed(
    service: Service, model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.put("/v1/contexts/model=q,task=hf-first/policy", {"check_every_tokens": 8})
    inputs = prompts(tokenizer, TEXTS)
    with Client(service.url, timeout=30) as client:
        runs = [client.generation({"model": "q", "task": "hf-first"}) for _ in TEXTS]
        client.forms.forcing(runs[0], ReasoningFormat())
        check = client.check

        def check_half_as_treated(some: "list[Generation]") -> "list[Generation]":
            for one in some:
                one.arm = one.arm or ("treated" if runs.index(one) % 2 == 0 else "control")
            return check(some)

        monkeypatch.setattr(client, "check", check_half_as_treated)
        for run in runs:
            run.begin()
        finished = generate(model, tokenizer, inputs, client, runs, max_new_tokens=NEW_TOKENS, reasoning=REASONING)
        assert [one.tokens for one in finished] == full_runs(model, inputs)
        asked = [run for run in runs if run.steps]
        assert {run.arm for run in asked} == {"control", "treated"}
        for run in asked:
            if run.arm == "treated":
                assert [(step.tokens, step.confidence, step.probe_tokens) for step in run.steps] == [(8, None, 0)]
            else:
                assert len({step.tokens for step in run.steps}) == len(run.steps)
                assert all(step.answer is not None and step.probe_tokens > 0 for step in run.steps)
        assert client.flush(30) and client.counters.rejected == 0


def test_rows_stop_one_by_one_and_write_an_answer(service: Service, model: Any, tokenizer: Any) -> None:
    inputs = prompts(tokenizer, TEXTS)
    full = full_runs(model, inputs)
    with Client(service.url, timeout=30) as client:
        prepare(service, "hf-look", 1.0)
        looked = runs_in(client, "hf-look", ["control"] * 8)
        generate(model, tokenizer, inputs, client, looked, max_new_tokens=NEW_TOKENS, reasoning=REASONING)
        threshold = sorted(step.confidence or 0 for run in looked for step in run.steps)[-6]
        prepare(service, "hf-rows", threshold)
        runs = runs_in(client, "hf-rows", ["treated"] * 7 + ["control"])
        finished = generate(model, tokenizer, inputs, client, runs, max_new_tokens=NEW_TOKENS, reasoning=REASONING)
        for one, run, seen, tokens in zip(finished, runs, looked, full, strict=True):
            crossed = [step.tokens for step in seen.steps if (step.confidence or 0) >= threshold]
            if run.arm == "control" or not crossed:
                assert one.tokens == tokens and not one.stopped
            else:
                assert one.stopped and one.reasoning_tokens == crossed[0]
                assert one.tokens[: crossed[0]] == tokens[: crossed[0]]
                assert one.tokens[crossed[0]] == 2, "the reasoning is closed"
                assert len(one.tokens) > crossed[0] + 1, "and an answer follows"
        assert 1 < sum(one.stopped for one in finished) < 7
        assert client.flush(30) and client.counters.rejected == 0


def test_the_answer_after_a_stop_continues_the_closed_reasoning(
    service: Service, model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(service, "hf-answer", 0.0)
    reported: list[dict[str, Any]] = []

    def record(run: Generation, ending: Ending) -> "dict[str, Any]":
        reported.append(outcome_of(run, ending))
        return reported[-1]

    monkeypatch.setattr("stopgate._session.outcome_of", record)
    text = next(text for text in TEXTS if len(full_runs(model, prompts(tokenizer, [text]))[0]) > 20)
    with Client(service.url, timeout=30) as client:
        runs = runs_in(client, "hf-answer", ["treated"])
        inputs = prompts(tokenizer, [text])
        [one] = generate(model, tokenizer, inputs, client, runs, max_new_tokens=30, reasoning=REASONING)
    assert one.stopped and one.reasoning_tokens == 8
    assert reported[0]["stopped_probe"] == {"tokens": 8, "answer": runs[0].steps[0].answer}, (
        "the prefix is the probed one"
    )
    assert (reported[0]["tokens"], reported[0]["answer_tokens"]) == (len(one.tokens), len(one.tokens) - 8)
    again = prompts(tokenizer, [text + tokenizer.decode(one.tokens[:9])])
    assert again["input_ids"].shape[1] == len(text) + 9
    output = model.generate(**again, max_new_tokens=21, do_sample=False)
    assert one.tokens[9:] == trimmed(output[0, len(text) + 9 :].tolist())


def test_criteria_stop_the_same_rows_within_generate(service: Service, model: Any, tokenizer: Any) -> None:
    inputs = prompts(tokenizer, TEXTS)
    arms = ["treated"] * 6 + ["control"] * 2
    with Client(service.url, timeout=30) as client:
        prepare(service, "hf-criteria", 0.35)
        runs = runs_in(client, "hf-criteria", arms)
        looped = generate(model, tokenizer, inputs, client, runs, max_new_tokens=NEW_TOKENS, reasoning=REASONING)
        runs = runs_in(client, "hf-criteria", arms)
        criteria = StopgateCriteria(model, tokenizer, inputs, client, runs, REASONING)
        model.generate(
            **inputs, cache=criteria.cache, stopping_criteria=[criteria], max_new_tokens=NEW_TOKENS, do_sample=False
        )  # fmt: skip
        finished = criteria.finish(max_new_tokens=NEW_TOKENS, do_sample=False)
        assert [(one.stopped, one.reasoning_tokens) for one in finished] == [
            (one.stopped, one.reasoning_tokens) for one in looped
        ]
        for one, other in zip(finished, looped, strict=True):
            assert one.tokens[: len(other.tokens)] == other.tokens
        assert any(one.stopped for one in finished)
        assert client.flush(30) and client.counters.rejected == 0


class Shown:
    """A streamer that keeps its input."""

    def __init__(self) -> None:
        self.parts: list[list[int]] = []
        self.ends = 0

    def put(self, value: Any) -> None:
        self.parts.append(value.flatten().tolist())

    def end(self) -> None:
        self.ends += 1


def test_log_probabilities_and_a_streamer_see_the_answer_after_a_stop(
    service: Service, model: Any, tokenizer: Any
) -> None:
    prepare(service, "hf-shown", 0.0)
    inputs, shown = prompts(tokenizer, ["hello"]), Shown()
    with Client(service.url, timeout=30) as client:
        (one,) = generate(
            model, tokenizer, inputs, client, runs_in(client, "hf-shown", ["treated"]), max_new_tokens=NEW_TOKENS,
            reasoning=REASONING, logprobs=True, streamer=shown,
        )  # fmt: skip
        assert one.stopped
        assert shown.parts == [inputs["input_ids"][0].tolist(), *([token] for token in one.tokens)]
        assert shown.ends == 1
        ids = torch.cat([inputs["input_ids"], torch.tensor([one.tokens])], dim=1)
        with torch.no_grad():
            levels = model(ids).logits[0, -len(one.tokens) - 1 : -1].log_softmax(-1)
        expected = levels.gather(1, torch.tensor(one.tokens)[:, None]).squeeze(1).tolist()
        assert one.logprobs == pytest.approx(expected, abs=1e-4)
        with pytest.raises(ValueError, match="one prompt"):
            generate(
                model, tokenizer, prompts(tokenizer, TEXTS), client, runs_in(client, "hf-shown", ["treated"] * 8),
                max_new_tokens=4, streamer=shown,
            )  # fmt: skip


def test_a_streamer_sees_the_answer_that_criteria_finish(service: Service, model: Any, tokenizer: Any) -> None:
    prepare(service, "hf-finish", 0.0)
    inputs, shown = prompts(tokenizer, ["hello"]), Shown()
    with Client(service.url, timeout=30) as client:
        criteria = StopgateCriteria(
            model, tokenizer, inputs, client, runs_in(client, "hf-finish", ["treated"]), REASONING
        )
        options: dict[str, Any] = {"max_new_tokens": NEW_TOKENS, "do_sample": False, "streamer": shown}
        model.generate(**inputs, cache=criteria.cache, stopping_criteria=[criteria], **options)
        before = len(shown.parts)
        (one,) = criteria.finish(**options)
        assert one.stopped
        answer = [token for part in shown.parts[before + 1 :] for token in part]
        assert answer
        assert one.tokens[-len(answer) :] == answer


def test_criteria_need_the_cache(service: Service, model: Any, tokenizer: Any) -> None:
    inputs = prompts(tokenizer, ["abc"])
    with Client(service.url, timeout=30) as client:
        criteria = StopgateCriteria(
            model, tokenizer, inputs, client, runs_in(client, "hf-criteria", ["treated"]), REASONING
        )
        with pytest.raises(ValueError, match=r"cache=criteria\.cache"):
            model.generate(**inputs, stopping_criteria=[criteria], max_new_tokens=4)


def test_prompts_are_padded_on_the_left(service: Service, model: Any, tokenizer: Any) -> None:
    inputs = tokenizer(["a", "abc"], padding=True, padding_side="right", add_special_tokens=False, return_tensors="pt")
    with Client(service.url) as client, pytest.raises(ValueError, match="left"):
        generate(model, tokenizer, inputs, client, runs_in(client, "hf-pad", ["treated"] * 2), max_new_tokens=4)


def test_without_the_service_generations_run_in_full(model: Any, tokenizer: Any) -> None:
    inputs = prompts(tokenizer, TEXTS)
    with Client("http://127.0.0.1:9", exit_seconds=0) as client:
        runs = runs_in(client, "hf-away", ["treated"] * 8)
        finished = generate(model, tokenizer, inputs, client, runs, max_new_tokens=NEW_TOKENS, reasoning=REASONING)
    assert [one.tokens for one in finished] == full_runs(model, inputs)


def test_sampling_draws_from_the_warped_distribution(model: Any, tokenizer: Any) -> None:
    inputs = prompts(tokenizer, TEXTS)
    with Client("http://127.0.0.1:9", exit_seconds=0) as client:

        def sampled(seed: int, top_k: int) -> "list[list[int]]":
            sampling = Sampling(0.8, top_k=top_k, top_p=0.95, generator=torch.Generator().manual_seed(seed))
            runs = runs_in(client, "hf-sampled", ["treated"] * 8)
            done = generate(
                model, tokenizer, inputs, client, runs, max_new_tokens=20, reasoning=REASONING, sampling=sampling
            )
            return [one.tokens for one in done]

        assert sampled(1, 5) == sampled(1, 5) != sampled(2, 5)
        assert sampled(1, 1) == [row[:20] for row in full_runs(model, inputs)]


def test_answers_of_sampled_rows_are_sampled_and_leave_the_rows_as_they_are(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = tiny_model(), tiny_tokenizer()
    inputs = prompts(tokenizer, TEXTS)
    seen: list[list[int]] = []
    service.put("/v1/contexts/model=q,task=hf-drawn/policy", {"check_every_tokens": 8})

    class Noting(Prober):
        def force(self, *args: Any, **options: Any) -> Any:
            answers = super().force(*args, **options)
            seen.extend(answer.tokens for answer in answers.values())
            return answers

    monkeypatch.setattr("stopgate.hf.Prober", Noting)
    with Client(service.url) as client:

        def sampled(seed: int, arm: str) -> "list[list[int]]":
            seen.clear()
            sampling = Sampling(0.8, top_k=5, generator=torch.Generator().manual_seed(seed))
            runs = runs_in(client, "hf-drawn", [arm] * 8)
            done = generate(
                model, tokenizer, inputs, client, runs, max_new_tokens=20, reasoning=REASONING, sampling=sampling
            )
            return [one.tokens for one in done]

        control = sampled(1, "control")
        first = [*seen]
        assert first and sampled(1, "treated") == control, "nothing is in force, so that these are not probed"
        assert sampled(1, "control") == control and seen == first
        assert sampled(2, "control") != control and seen != first


def forced(texts: "list[str]", due: "list[int]") -> "dict[int, tuple[list[int], int]]":
    """Tokens of each forced answer, and the number decoded for it."""
    model, tokenizer = tiny_model(), tiny_tokenizer()
    inputs = prompts(tokenizer, texts)
    cache: Any = DynamicCache(config=model.config)
    with torch.no_grad():
        _, mask = prefill(model, inputs["input_ids"], inputs["attention_mask"], cache)
    cache.activate_past_recording()
    forcing = ReasoningFormat(ask="</think>", answer_tokens=40).stated()
    assert forcing is not None
    answers = Prober(model, tokenizer).force(cache, mask, inputs["input_ids"], due, forcing, Sampling())
    return {row: (answer.tokens, answer.decoded) for row, answer in answers.items()}


def test_an_answer_ends_with_its_line_whatever_the_other_rows_contain() -> None:
    alone = {row: forced([text], [0])[0] for row, text in enumerate(TEXTS)}
    assert len({decoded for _, decoded in alone.values()}) > 1, "they end at different places"
    assert forced(TEXTS, list(range(8))) == alone
    assert forced(TEXTS, [1, 5]) == {row: alone[row] for row in (1, 5)}


def test_the_code_of_the_page(service: Service) -> None:
    """The code for transformers in docs/integrate/python.md runs as it stands."""
    code = "\n".join(re.findall(r"^```python transformers\n(.*?)^```$", PAGE, re.M | re.S))
    shown: dict[str, Any] = {}
    exec(compile(code.replace("http://localhost:8080", service.url), "python.md", "exec"), shown)
    model, tokenizer = tiny_model(), tiny_tokenizer()
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    chats = [[{"role": "user", "content": text}] for text in ("abc", "hello")]
    model.generation_config.max_length = 60
    answers = shown["solve"](model, tokenizer, chats, lambda chat, answer: True)
    inputs = prompts(tokenizer, ["abc", "hello"])
    runs = [shown["client"].generation({"model": "qwen3-8b", "task": "gsm8k"}) for _ in chats]
    assert shown["solve_with_criteria"](model, tokenizer, inputs, runs, 40) == answers
    assert shown["boxed"].extract("is \\boxed{42}.") == shown["boxed"].extract("42}") == "42"
    assert shown["client"].flush(30) and shown["client"].counters.rejected == 0
    shown["client"].close()


def test_min_p_holds_after_the_temperature_as_in_transformers() -> None:
    logits = torch.tensor([[0.0, 2.0]]).repeat(64, 1)
    ids = torch.zeros(64, 1, dtype=torch.long)

    def chosen(temperature: float) -> set[int]:
        return set(Sampling(temperature, min_p=0.2, generator=torch.Generator().manual_seed(1)).choose(ids, logits))

    assert chosen(1.0) == {1}, "the other token has a share of 0.14"
    assert chosen(4.0) == {0, 1}, "where it has 0.61"
