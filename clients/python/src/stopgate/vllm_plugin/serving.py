"""Serves the calls of vLLM's `generate`: passes them, or follows their samples and stops them early."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from typing import Any

from vllm.sampling_params import RequestOutputKind

from ..aio import AsyncClient
from ..reasoning import ReasoningFormat
from .call import Call
from .counts import Counts
from .exchange import CURRENT, Exchange, HeaderError, Stated
from .replies import Action, Calls, Shown, tools_of

Generate = Callable[..., AsyncGenerator[Any, None]]
_BEHIND_OPEN = 4
"""How far before the end of the prompt an opening tag is looked for: templates write a line feed behind it."""


class Server:
    """What all requests share.

    Args:
        generate: the engine's own method.
        client: decides by the bundle, and reports.
        tokenizer: of the model.
        reasoning: its closing tag.
        opening: its opening tag.
        model: name of the model, where a request names no adapter.
        calls: reads tool calls.
        counts: where to count.
        has_parser: whether the engine knows the reasoning, so that a grammar holds only behind it.
        max_model_len: most tokens of prompt and output.
        max_num_seqs: requests that the engine runs at once.
        has_priorities: whether its scheduler has them.
        is_on_cpu: see `Engine`.
    """

    def __init__(
        self, generate: Generate, client: AsyncClient, tokenizer: Any, *, reasoning: ReasoningFormat, opening: str,
        model: str, calls: Calls, counts: Counts, has_parser: bool, max_model_len: int, max_num_seqs: int,
        has_priorities: bool = False, is_on_cpu: bool = False,
        make_tool: "Callable[[dict[str, Any]], Any] | None" = None,
    ) -> None:  # fmt: skip
        self.generate, self.client, self.tokenizer = generate, client, tokenizer
        self.reasoning, self.open_text, self.model = reasoning, opening, model
        self.calls, self.counts, self.has_parser = calls, counts, has_parser
        self.max_model_len, self.has_priorities, self.is_on_cpu = max_model_len, has_priorities, is_on_cpu
        self.most_probes = max(1, max_num_seqs // 4)
        self.make_tool = make_tool or (lambda tool: tool)
        self.probing = 0
        self.around: dict[str, tuple[str, str]] = {}
        """Text around the closing tag, by context, as a reply with tools or structured output last showed it."""
        eos = getattr(tokenizer, "eos_token_id", None)
        self.shown = Shown(tokenizer, () if eos is None else (eos,))
        self._open: list[int] = tokenizer.encode(opening, add_special_tokens=False)
        self._close: list[int] = tokenizer.encode(reasoning.end, add_special_tokens=False)
        self.opening_window = len(self._open) + _BEHIND_OPEN
        self._tasks: set[asyncio.Task[None]] = set()

    def is_open(self, tokens: Sequence[int]) -> bool:
        """Whether an opening tag is in the tokens, and no closing tag behind it."""
        return _last(tokens, self._open) > _last(tokens, self._close)

    def probed(self, check: "asyncio.Task[None]") -> None:
        """A check has ended."""
        self.probing -= 1

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work that no request waits for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Waits for the work in the background."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def __call__(self, prompt: Any, sampling_params: Any, request_id: str, **options: Any) -> AsyncGenerator[Any, None]:
        """Takes the place of the engine's `generate`."""
        try:
            call = self._begin(prompt, sampling_params, request_id, options)
        except Exception:
            self.counts.fault("the start of a request")
            call = None
        if call is None:
            return self.generate(prompt, sampling_params, request_id, **options)
        return call.outputs()

    def _begin(self, prompt: Any, params: Any, request_id: str, options: Mapping[str, Any]) -> "Call | None":
        """A call that is to be followed; None: vLLM alone serves it."""
        exchange = CURRENT.get()
        if exchange is not None:
            exchange.prompts += 1
        cause: str | Call
        try:
            cause = _refusal(prompt, params, options, self.has_parser) or self._call(
                prompt, params, request_id, options, exchange
            )
        except HeaderError as error:
            self.counts.passed("header", str(error))
            cause = ""
        if isinstance(cause, Call):
            self.counts.add("requests", "other" if exchange is None else exchange.path)
            return cause
        if cause:
            self.counts.passed(cause)
        if exchange is not None:
            exchange.passed = True
        return None

    def _call(
        self, prompt: Any, params: Any, request_id: str, options: Mapping[str, Any], exchange: Exchange | None
    ) -> "str | Call":
        stated = Stated() if exchange is None else exchange.stated()
        extra = params.extra_args or {}
        if any(name.startswith("stopgate") for name in extra):
            stated = stated.over(Stated.read(lambda name: _text(extra.get(f"stopgate_{name}" if name else "stopgate"))))
        if stated.is_off:
            return "off"
        if exchange is not None and exchange.is_too_large:
            return "body"
        bundle = self.client.bundle
        if bundle is None or bundle.salt is None:
            return "service_away"
        lora = options.get("lora_request")
        body = {} if exchange is None else exchange.body
        metadata = body.get("metadata") or {}
        named = {level: str(metadata[level]) for level in bundle.levels if metadata.get(level)}
        context = {"model": self.model if lora is None else lora.lora_name, **named, **stated.context}
        unknown = context.keys() - set(bundle.levels)
        if unknown - {"model"}:
            self.counts.unknown_levels(unknown, bundle.levels)
        context = {level: context[level] for level in bundle.levels if level in context}
        rule = bundle.rule_of(context, "\n".join(map("=".join, context.items())))
        if rule is None or rule.mode == "off":
            return "mode_off"
        tools = [self.make_tool(tool) for tool in tools_of(body)] if self.calls.are_read else []
        action = Action(self.calls, tools) if tools or params.structured_outputs is not None else None
        return Call(self, prompt, params, request_id, options, exchange, stated, context, action)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _last(tokens: Sequence[int], tag: Sequence[int]) -> int:
    size = len(tag)
    return next((at for at in range(len(tokens) - size, -1, -1) if [*tokens[at : at + size]] == [*tag]), -1)


def _refusal(prompt: Any, params: Any, options: Mapping[str, Any], has_parser: bool) -> str | None:
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
    if {"kv_transfer_params", "ec_transfer_params"} & (params.extra_args or {}).keys():
        return "kv_transfer"
    if params.structured_outputs is not None and (not has_parser or options.get("reasoning_ended")):
        return "structured_output"  # its grammar would hold in the reasoning, too
    return None
