"""What the sampling parameters of a request mean for a stop: the one place that decides each of them.

docs/integrate/vllm.md has the same as a table.
"""

import random
from collections.abc import Collection, Mapping
from copy import copy
from typing import Any

from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind

from ..reasoning import TOP_TOKENS

_SAMPLED = (
    "temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty", "frequency_penalty", "repetition_penalty",
    "logit_bias", "allowed_token_ids", "bad_words", "extra_args",
)  # fmt: skip
"""How each token is chosen. Probes are drawn as answers are."""
_ENDS = ("stop", "stop_token_ids")
"""They hold in probes of calls and JSON, too. A text ends as its form says."""


def refusal_of(prompt: Any, params: Any, options: Mapping[str, Any], has_parser: bool) -> str | None:
    """Why vLLM alone serves a request; None: it can be followed."""
    if not isinstance(prompt, dict) or not prompt.get("prompt_token_ids") or prompt.get("prompt_embeds") is not None:
        return "prompt"
    if prompt.get("type", "token") != "token" or prompt.get("multi_modal_data"):
        return "multimodal"
    if params.output_kind not in (RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY):
        return "output_kind"
    if not params.detokenize:
        return "no_text"  # beam search, and routes of tokens
    if params.prompt_logprobs is not None:
        return "prompt_logprobs"
    if params.flat_logprobs or params.logprob_token_ids:
        return "logprobs"
    if params.max_tokens is None:
        return "max_tokens"
    if params.ignore_eos:
        return "ignore_eos"  # it wants all of `max_tokens`, so that nothing can be saved
    if params.skip_reading_prefix_cache:
        return "prefix_cache"  # each probe would prefill the whole reasoning
    if {"kv_transfer_params", "ec_transfer_params"} & (params.extra_args or {}).keys():
        return "kv_transfer"
    if params.structured_outputs is not None and (not has_parser or options.get("reasoning_ended")):
        return "structured_output"  # its grammar would hold in the reasoning, too
    return None


def concerns_closing(params: Any, closing: str, tokens: Collection[int], shown: str) -> bool:
    """Whether a request has a rule of its own for the text that a stop writes: it would end there, or may not write it.

    Its client expects what vLLM alone gives, such as the reasoning alone for `stop: ["</think>"]`.

    Args:
        closing: the text that closes the reasoning.
        tokens: its tokens.
        shown: how the client gets to see it.
    """
    texts = [*([params.stop] if isinstance(params.stop, str) else params.stop or ()), *(params.bad_words or ())]
    named = {*(params.stop_token_ids or ()), *(params.logit_bias or ())}
    allowed = params.allowed_token_ids
    return (
        any(_touches(text, whole) for text in texts for whole in (closing, shown))
        or not named.isdisjoint(tokens)
        or (bool(allowed) and not set(tokens).issubset(allowed))
    )


def _touches(text: str, written: str) -> bool:
    """Whether a text may occur over any part of a text that is written, given other texts around it."""
    if not text or not written:
        return False
    if text in written or written in text:
        return True
    sizes = range(1, min(len(text), len(written)))
    return any(text.startswith(written[-n:]) or text.endswith(written[:n]) for n in sizes)


def answer_params(params: Any, room: int) -> Any:
    """Those of the answer behind a stop.

    Its `min_tokens` are met, and its penalties begin with the answer, as those of the probe did.

    Args:
        params: of the sample.
        room: tokens that it may have.
    """
    answer = copy(params)
    answer.max_tokens, answer.min_tokens, answer.thinking_token_budget = room, 0, None
    return answer


def rest_params(params: Any, tokens: int) -> Any:
    """Those of a reasoning that goes on after so many tokens, since its stop has failed."""
    rest = copy(params)
    rest.max_tokens, rest.min_tokens = params.max_tokens - tokens, max(0, params.min_tokens - tokens)
    return rest


def probe_fields(params: Any, is_action: bool) -> dict[str, Any]:
    """What a probe has in common with its request.

    Args:
        is_action: whether its answer is a tool call or structured output.
    """
    names = _SAMPLED + _ENDS if is_action else _SAMPLED
    fields = {name: value for name in names if (value := getattr(params, name)) is not None}
    return fields if params.structured_outputs is None else {**fields, "structured_outputs": params.structured_outputs}


GREEDY: Mapping[str, Any] = {"temperature": 0}
"""How answers are forced while a form is searched for."""


def probe_params(fields: Mapping[str, Any], max_tokens: int, keeps_seeds: bool) -> SamplingParams:
    """The sampling parameters of a forced answer.

    Args:
        fields: `probe_fields` of its request, or `GREEDY`.
        keeps_seeds: see `Engine`.
    """
    own = dict(fields)
    if keeps_seeds and own["temperature"] == 0:
        own |= {"temperature": 1, "top_k": 1, "seed": 0}
    elif keeps_seeds and own.get("seed") is None:
        own["seed"] = random.randrange(2**31)
    return SamplingParams(**own, max_tokens=max_tokens, logprobs=TOP_TOKENS)


def again_params(params: Any, keeps_seeds: bool) -> Any:
    """Those for one more answer where a request with `params` gave one."""
    again = copy(params)
    again.n, again.min_tokens, again.logprobs = 1, 0, None
    again.seed = random.randrange(2**31) if keeps_seeds else None
    return again
