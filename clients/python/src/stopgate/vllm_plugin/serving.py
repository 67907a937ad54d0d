"""Serves the calls of vLLM's `generate`: passes them, or follows their samples and stops them early."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from .._answers import ProbeForm
from ..generation import context_key_of
from .call import Call
from .exchange import CURRENT, Exchange, HeaderError, Stated, levels_in
from .golds import has_token_ids
from .parameters import concerns_closing, refusal_of
from .replies import Action, tool_choice_of, tools_of
from .shared import Shared

_OF_BEAMS = ("no_text", "output_kind")
"""Causes that beam search has: it makes many calls for a request, which counts once."""
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
        if call is not None:
            return call.outputs()
        if self.seats.reserve == 0:
            return self.generate(prompt, sampling_params, request_id, **options)
        return self._alone(prompt, sampling_params, request_id, options)

    async def _alone(
        self, prompt: Any, params: Any, request_id: str, options: Mapping[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """The outputs of vLLM alone, once there is a seat."""
        seats = getattr(params, "n", 1)
        await self.seats.enter(self.order_of(options), seats)
        try:
            async with aclosing(self.generate(prompt, params, request_id, **options)) as outputs:
                async for output in outputs:
                    yield output
        finally:
            self.seats.leave(seats)

    def _begin(self, prompt: Any, params: Any, request_id: str, options: Mapping[str, Any]) -> "Call | None":
        """A call that is to be followed; None: vLLM alone serves it."""
        exchange = CURRENT.get()
        if exchange is not None:
            exchange.prompts += 1
        cause: str | Call
        try:
            cause = refusal_of(prompt, params, options, self.has_parser) or self._call(
                prompt, params, request_id, options, exchange
            )
        except HeaderError as error:
            self.counts.passed("header", str(error))
            cause = ""
        if isinstance(cause, Call):
            self.counts.add("requests", "other" if exchange is None else exchange.path)
            return cause
        if cause and not (exchange is not None and cause in _OF_BEAMS and cause in exchange.causes):
            self.counts.passed(cause)
            if exchange is not None:
                exchange.causes.add(cause)
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
        key = context_key_of(context)
        rule = bundle.rule_of(context, key)
        if rule is None or rule.mode == "off":
            return "mode_off"
        tools = [self.make_tool(tool) for tool in tools_of(body)] if self.calls.are_read else []
        action = None
        if tools or params.structured_outputs is not None:
            action = Action(self.calls, tools, tool_choice_of(body), params.stop or ())
        if self._concerns_closing(params, rule.form, key):
            return "closing"
        return Call(self, prompt, params, request_id, options, exchange, stated, context, action)

    def _concerns_closing(self, params: Any, form: ProbeForm | None, context_key: str) -> bool:
        """Whether a request has a rule of its own for the text that closes reasoning; without a form, for the tag."""
        before, after = self.around.get(context_key, ("", "")) if form is None else (form.before, form.after)
        closing = before + self.reasoning.end + after
        tokens = self.tokenizer.encode(closing, add_special_tokens=False)
        shown = self.tokenizer.decode(tokens, skip_special_tokens=params.skip_special_tokens)
        return concerns_closing(params, closing, tokens, shown)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
