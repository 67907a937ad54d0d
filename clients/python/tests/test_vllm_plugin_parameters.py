"""What the sampling parameters of a request mean for its stop."""

from typing import Any

import pytest

from conftest import Service
from fake_vllm import END_THINK, FakeEngine, Letters
from stopgate.vllm_plugin.parameters import concerns_closing, probe_params
from stopgate.vllm_plugin.serving import Server
from vllm_server import (
    ANSWER,
    CLOSE,
    IN_ONE,
    PROMPT,
    STREAMED,
    WHOLE,
    arm_is,
    held,
    play,
    prepare,
    requesting,
    said,
    wanting,
)

LETTERS = [*map(ord, "abcdefghijklmnopqrstuvwxyz ")]
CLOSING = "\n</think>\n\n"


@pytest.mark.parametrize(
    ("cause", "fields"),
    [
        ("closing", {"stop": ["</think>"]}),
        ("closing", {"stop": ["\n\nThe"]}),
        ("closing", {"stop_token_ids": [END_THINK]}),
        ("closing", {"logit_bias": {END_THINK: -100.0}}),
        ("closing", {"allowed_token_ids": LETTERS}),
        ("closing", {"bad_words": ["</think>"]}),
        ("ignore_eos", {"ignore_eos": True}),
        ("prefix_cache", {"skip_reading_prefix_cache": True}),
    ],
)
def test_vllm_alone_serves_a_request_that_a_stop_would_not_serve_as_it_says(
    service: Service, monkeypatch: pytest.MonkeyPatch, cause: str, fields: "dict[str, Any]"
) -> None:
    arm_is(monkeypatch, "treated")
    prepare(service, "plug-alone", 0.1)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting("plug-alone") as exchange:
            await said(server(PROMPT, wanting(STREAMED, **fields), "r"))
        assert [*engine.requests] == ["r"] and exchange.passed and server.counts.all() == {f"passed {cause}": 1}

    play(service, "plug-alone", test, confidence=lambda tokens: 0.95)


def test_a_text_concerns_the_closing_text_where_it_may_overlap_it() -> None:
    def concerns(closing: str = CLOSING, shown: str = "\n\n\n", **fields: Any) -> bool:
        return concerns_closing(wanting(STREAMED, **fields), closing, Letters().encode(closing), shown)

    for text in (
        "</think>",
        "\n",
        "\n\n",
        "think",
        "done.\n</think>",
        "</think>\n\nThe",
        "\n\nThe",
        "end\n",
        "a\n\n\nb",
    ):
        assert concerns(stop=[text]) and concerns(bad_words=[text]), repr(text)
    for text in ("", "boxed", "The answer", "Question:", "x\ny", "<think>", "</s>"):
        assert not concerns(stop=[text]) and not concerns(bad_words=[text]), repr(text)
    assert concerns(stop_token_ids=[7, ord("\n")]) and not concerns(stop_token_ids=[7])
    assert concerns(logit_bias={END_THINK: 5.0}) and not concerns(logit_bias={7: -100.0})
    assert concerns(allowed_token_ids=[END_THINK]) and not concerns(allowed_token_ids=[END_THINK, ord("\n"), 7])
    assert not concerns(closing="", shown="", stop=["x"])


def test_a_request_is_not_stopped_before_its_min_tokens_and_its_answer_has_none(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm_is(monkeypatch, "treated")
    prepare(service, "plug-least", 0.5)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting("plug-least"):
            [one] = await said(server(PROMPT, wanting(IN_ONE, min_tokens=40), "r"))
        assert one["tokens"] == [*WHOLE[:48], *CLOSE, *ANSWER], "at the first check behind them"
        probes = [request for id, request in engine.requests.items() if "-probe-" in id]
        assert len(probes) == 1 and probes[0].params.min_tokens == 0
        assert engine.requests["r"].params.min_tokens == 40 and engine.requests["r-answer"].params.min_tokens == 0

    play(service, "plug-least", test, confidence=lambda tokens: 0.95)


def test_a_probe_is_drawn_as_the_answer_would_be(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-drawn", 0.5)
    sampling = {
        "temperature": 0.6, "top_p": 0.9, "top_k": 20, "min_p": 0.1, "presence_penalty": 1.5, "frequency_penalty": 0.5,
        "repetition_penalty": 1.1, "logit_bias": {7: 1.0}, "extra_args": {"processor": "own"},
    }  # fmt: skip

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        with requesting("plug-drawn"):
            await said(server(PROMPT, wanting(STREAMED, n=2, seed=7, stop=["q"], **sampling), "r"))
        probes = {id: request.params for id, request in engine.requests.items() if "-probe-" in id}
        assert probes and all(
            getattr(one, name) == value for one in probes.values() for name, value in sampling.items()
        )
        assert {one.seed for one in probes.values()} == {7, 8}, "of each sample its own"
        assert all(one.n == 1 and not one.stop for one in probes.values()), "a text ends as its form says"

    play(service, "plug-drawn", test)


def test_a_request_without_a_seed_keeps_those_of_others_on_a_cpu() -> None:
    greedy, drawn = ({"temperature": value, "seed": None} for value in (0, 0.7))
    kept = probe_params(greedy, 8, keeps_seeds=True)
    assert (kept.temperature, kept.top_k, kept.seed, kept.max_tokens) == (1, 1, 0, 8)
    assert probe_params(drawn, 8, keeps_seeds=True).seed is not None
    assert probe_params({**drawn, "seed": 5}, 8, keeps_seeds=True).seed == 5
    assert probe_params(greedy, 8, keeps_seeds=False).temperature == 0
    assert probe_params(drawn, 8, keeps_seeds=False).seed is None


def test_beam_search_counts_once(service: Service) -> None:
    prepare(service, "plug-beams", 0.5)

    async def test(engine: FakeEngine, server: Server) -> None:
        for number in range(2):
            with requesting("plug-beams"):
                for step in range(3):
                    outputs = server(PROMPT, wanting(IN_ONE, max_tokens=1, detokenize=False), f"r{number}-{step}")
                    assert [output async for output in outputs]
        assert server.counts.all() == {"passed no_text": 2}

    play(service, "plug-beams", test)
