"""Serves the calls of vLLM's `generate`: passes them, or follows their samples and stops them early."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from vllm.sampling_params import RequestOutputKind

from .call import Call
from .exchange import CURRENT, Exchange, HeaderError, Stated, levels_in
from .golds import has_token_ids
from .replies import Action, tool_choice_of, tools_of
from .shared import Shared

_DOUBTED = (
    "stopgate's {} of a client is left out, since anyone could state it: STOPGATE_CONTEXTS names the contexts that "
    "clients may use, and STOPGATE_TRUST_CLIENTS=yes believes all that they state"
)


class Server(Shared):
    """Takes the place of the engine's `generate`. Its arguments are those of `Shared`."""

    def __call__(self, prompt: Any, sampling_params: Any, request_id: str, **options: Any) -> AsyncGenerator[Any, None]:
        """Serves a call of `generate`."""
        try:
            call = self._begin(prompt, sampling_params, request_id, options)
        except Exception:
            self.counts.fault("the start of a request")
            call = None
            if (exchange := CURRENT.get()) is not None:
                exchange.passed = True
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
        stated, doubted = self.trust.believed(stated)
        for name in doubted:
            self.counts.warn_once(f"trust {name}", _DOUBTED.format(name))
        bundle = self.client.bundle
        if bundle is None or bundle.salt is None:
            return "service_away"
        lora = options.get("lora_request")
        body = {} if exchange is None else exchange.body(is_needed=self.golds is not None)
        if self.golds is not None:
            stated = stated._replace(gold=self.golds.of(body) or stated.gold)
            if has_token_ids(body):
                self.counts.warn_once(
                    "gold", "prompts of token ids have no right answer: STOPGATE_GOLD finds it by the text of a prompt"
                )
        named = self.trust.named(levels_in(body.get("metadata"), bundle.levels))
        context = {"model": self.model if lora is None else lora.lora_name, **named, **stated.context}
        unknown = context.keys() - set(bundle.levels)
        if unknown - {"model"}:
            self.counts.unknown_levels(unknown, bundle.levels)
        context = {level: context[level] for level in bundle.levels if level in context}
        rule = bundle.rule_of(context, "\n".join(map("=".join, context.items())))
        if rule is None or rule.mode == "off":
            return "mode_off"
        tools = [self.make_tool(tool) for tool in tools_of(body)] if self.calls.are_read else []
        action = None
        if tools or params.structured_outputs is not None:
            action = Action(self.calls, tools, tool_choice_of(body), params.stop or ())
        return Call(self, prompt, params, request_id, options, exchange, stated, context, action)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


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
