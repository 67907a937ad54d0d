"""A call of vLLM's `generate` whose samples are followed, and stopped early."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from copy import copy
from typing import Any
from uuid import uuid4

from vllm.sampling_params import RequestOutputKind

from .._telemetry import logger
from ..generation import Generation
from .exchange import Exchange, Stated
from .following import Follower
from .golds import written_prompt
from .outputs import Folded, closing_output, continued, gathered
from .parameters import answer_params, probe_fields, rest_params
from .replies import Action
from .request import Request
from .shared import Shared

_NOT_FOR_PROBES = ("trace_headers", "prompt_text", "tokenization_kwargs")


class FoldError(Exception):
    """A fault in putting outputs together, after which vLLM alone can still serve the whole sample."""


class Call(Request):
    """A call of `generate` whose samples are followed."""

    def __init__(
        self, plugin: Shared, prompt: Mapping[str, Any], params: Any, request_id: str, options: Mapping[str, Any],
        exchange: Exchange | None, stated: Stated, context: Mapping[str, str], action: Action | None,
    ) -> None:  # fmt: skip
        self.plugin, self.params, self.exchange, self.action, self._options = plugin, params, exchange, action, options
        self._prompt, self._id, self._stated = prompt, request_id, stated
        self.prompt_ids: list[int] = list(prompt["prompt_token_ids"])
        self.prompt_fields = {name: value for name, value in prompt.items() if name != "prompt"}
        self.shown = plugin.shown.hiding(params.stop_token_ids or ())
        self.tokenizer = plugin.tokenizer if action is None else self.shown
        self.is_whole = params.output_kind == RequestOutputKind.FINAL_ONLY
        ended = {} if options.get("reasoning_ended") is None else {"reasoning_ended": True}
        # Before the requests that wait: a probe that comes late is of no use, and an answer has waited already.
        priority = {"priority": plugin.order_of(options) - 1} if plugin.has_priorities else {}
        kept = {name: value for name, value in options.items() if name not in _NOT_FOR_PROBES}
        self.probe_options = {**kept, **ended, **priority}
        self._answer_options = {**options, **ended, **priority}
        self._is_failing = False
        samples = params.n
        # Not the id of the request, which a client chooses: it could choose the arm.
        group = stated.group or (f"group-{uuid4().hex}" if samples > 1 else None)
        drawn = [probe_fields(self._params_of(index), action is not None) for index in range(samples)]
        self._followers = [Follower(self, self._run(context, group, i), one) for i, one in enumerate(drawn)]

    def _run(self, context: Mapping[str, str], group: str | None, index: int) -> Generation:
        stated, samples, exchange = self._stated, self.params.n, self.exchange
        is_own = samples > 1 and stated.group is None  # its samples are the whole group
        run = self.plugin.client.generation(
            context, None if exchange is None else exchange.next_id(), group=group,
            sample=index if is_own else None, samples=samples if is_own else stated.samples if group else None,
        )  # fmt: skip
        run.mark_prompt(self.prompt_ids, self._prompt_text)
        return run

    def _prompt_text(self) -> str:
        """For graders, as the client wrote it: without the chat template, if the request has no other prompt."""
        exchange = self.exchange
        written = None if exchange is None or exchange.prompts != 1 else written_prompt(exchange.body(is_needed=True))
        return written or str(self.plugin.tokenizer.decode(self.prompt_ids, skip_special_tokens=True))

    @property
    def reference(self) -> str | None:
        """The right answer, if it is known and of this prompt alone."""
        gold = self._stated.gold if self.exchange is None or self.exchange.prompts == 1 else None
        return gold if gold is None or self.action is None else self.action.gold(gold)

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens as the engine gives it to the client."""
        text: str = self.plugin.tokenizer.decode(tokens, skip_special_tokens=self.params.skip_special_tokens)
        return text

    async def outputs(self) -> AsyncGenerator[Any, None]:
        """The outputs as the engine alone would put them out."""
        if self.params.n == 1:
            async with aclosing(self._sample(0)) as outputs:
                async for output in outputs:
                    self._note(output)
                    yield output
            return
        arrived: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        tasks = [asyncio.ensure_future(self._put(index, arrived)) for index in range(self.params.n)]
        whole, last, unfinished, running = dict[int, Any](), None, len(tasks), len(tasks)
        try:
            while running:
                index, output = await arrived.get()
                if isinstance(output, Exception):
                    self._is_failing = True
                    raise output
                if output is None:
                    running -= 1
                    continue
                if self.is_whole:
                    whole[index], last = output, output
                    continue
                self._note(output)
                unfinished -= bool(output.finished)
                output.finished = unfinished == 0
                yield output
            if not self.is_whole:
                return
            output = self._gathered(whole, last)
            if output is not None:
                yield output
                return
            async with aclosing(self._alone(self.params, self._id)) as outputs:
                async for output in outputs:
                    yield output
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _gathered(self, whole: Mapping[int, Any], last: Any) -> Any:
        try:
            return gathered([whole[index] for index in range(len(whole))], last)
        except Exception:
            for follower in self._followers:
                follower.restarts()
            return None

    async def _put(self, index: int, arrived: "asyncio.Queue[tuple[int, Any]]") -> None:
        try:
            async with aclosing(self._sample(index)) as outputs:
                async for output in outputs:
                    arrived.put_nowait((index, output))
            arrived.put_nowait((index, None))
        except Exception as error:
            arrived.put_nowait((index, error))

    def _note(self, output: Any) -> None:
        self._is_failing = self._is_failing or output.outputs[0].finish_reason in ("abort", "error")

    def _has_left(self) -> bool:
        """Whether the client went away. Outputs are also given up after a failure, or when the server ends."""
        return not self._is_failing and self.exchange is not None and self.exchange.is_gone

    def _params_of(self, index: int) -> Any:
        """Those of one sample, as vLLM derives them."""
        params = copy(self.params)
        if params.n > 1:
            params.n = 1
            if params.seed is not None:
                params.seed += index
        return params

    def _id_of(self, index: int) -> str:
        return self._id if self.params.n == 1 else f"{index}_{self._id}"

    async def _sample(self, index: int) -> AsyncGenerator[Any, None]:
        """The outputs of one sample, of the kind that the request wants."""
        if not self.is_whole:
            async with aclosing(self._deltas(index, None)) as outputs:
                async for output in outputs:
                    yield output
            return
        folded, whole = Folded(), None
        with suppress(FoldError):
            async with aclosing(self._deltas(index, folded)) as outputs:
                async for output in outputs:
                    self._fold(index, folded, output)
            whole = self._fold(index, folded, None)
        if whole is not None:
            yield whole
            return
        async with aclosing(self._alone(self._params_of(index), self._id_of(index))) as outputs:
            async for output in outputs:
                output.outputs[0].index = index
                yield output

    async def _alone(self, params: Any, request_id: str) -> AsyncGenerator[Any, None]:
        """The outputs of vLLM alone, from a request that starts again."""
        alone = self.plugin.generate(self._prompt, params, f"{request_id}-alone", **self._options)
        async with aclosing(alone) as outputs:
            async for output in outputs:
                output.request_id = self._id
                yield output

    def _fold(self, index: int, folded: Folded, output: Any) -> Any:
        try:
            return folded.whole() if output is None else folded.add(output)
        except Exception as error:
            self._followers[index].restarts()
            raise FoldError from error

    async def _deltas(self, index: int, folded: Folded | None) -> AsyncGenerator[Any, None]:
        """The outputs of one sample, piece by piece."""
        follower, params = self._followers[index], self._params_of(index)
        params.output_kind = RequestOutputKind.DELTA
        first = held = None
        shown: list[Any] = []
        seats, is_seated = self.plugin.seats, False
        try:
            await seats.enter(self.plugin.order_of(self._options))
            is_seated = True
            self._ask(follower.begin, index)
            stream = self.plugin.generate(self._prompt, params, self._id_of(index), **self._options)
            async with aclosing(stream) as outputs:
                async for output in outputs:
                    if first is None:
                        first = output
                    if self._ask(follower.follow, index, output):
                        held = output
                        break
                    output.request_id, output.outputs[0].index = self._id, index
                    if params.stop and folded is None:
                        shown.append(output.outputs[0])
                    yield output
            if held is not None:
                async with aclosing(self._stopped(index, params, first, held, shown, folded)) as outputs:
                    async for output in outputs:
                        yield output
            self._ask(follower.end, index)
        except (asyncio.CancelledError, GeneratorExit):
            self._ask(follower.gone if self._has_left() else follower.failed, index)
            raise
        except Exception:
            self._ask(follower.failed, index)
            raise
        finally:
            if is_seated:
                seats.leave()

    def _ask(self, method: Callable[..., Any], index: int, *args: Any) -> Any:
        """Calls a method of a follower. After a fault it returns None, and vLLM alone goes on with the sample."""
        try:
            return method(*args)
        except Exception:
            self._followers[index].broke(f"a generation ({method.__name__})")
            return None

    async def _stopped(
        self, index: int, params: Any, first: Any, held: Any, shown: Sequence[Any], folded: Folded | None
    ) -> AsyncGenerator[Any, None]:
        """The closing text and the answer after a stop. Where the engine refuses it, the reasoning goes on.

        Args:
            shown: outputs that were passed on, where their texts come later than their tokens.
        """
        follower, answer, closing, begun = self._followers[index], None, list[Any](), None
        received = follower.tokens
        before = held.outputs[0].cumulative_logprob or 0.0
        try:
            stop = follower.stop()
            closing = [closing_output(held, one, params.logprobs is not None) for one in stop.closing]
            for output in closing:
                continued(output, first, index, 0.0)
            closing[0].outputs[0].text = self._unshown(shown) + closing[0].outputs[0].text
            own = answer_params(params, stop.room)
            answer = self._further(stop.prompt, own, f"{self._id_of(index)}-answer", self._answer_options)
            begun = await anext(answer)
            if folded is not None:
                folded.cut(stop.kept, self.decode, bool(params.stop))
        except Exception as error:
            logger.warning("a stop has failed, and the reasoning goes on: %r", error)
            follower.refused()
            if answer is not None:
                await answer.aclose()
            begun = None
            yield self._continued(held, first, index, 0.0)
            own, prompt = rest_params(params, len(received)), [*self.prompt_ids, *received]
            answer = self._further(prompt, own, f"{self._id_of(index)}-on", self._options)
        else:
            for output in closing:
                yield output
        async with aclosing(answer) as outputs:
            if begun is not None:
                self._ask(follower.answered, index, begun)
                yield self._continued(begun, first, index, before)
            async for output in outputs:
                if begun is not None:
                    self._ask(follower.answered, index, output)
                yield self._continued(output, first, index, before)

    def _unshown(self, shown: Sequence[Any]) -> str:
        """The end of the reasoning that the engine held back, since it could have begun a stop string."""
        whole = self.decode([token for one in shown for token in one.token_ids])
        text = "".join(one.text for one in shown)
        return whole[len(text) :] if whole.startswith(text) else ""

    def _continued(self, output: Any, first: Any, index: int, added: float) -> Any:
        try:
            return continued(output, first, index, added)
        except Exception:
            self.plugin.counts.fault("an output of an answer")
            output.request_id, output.outputs[0].index = self._id, index
            return output

    def _further(
        self, prompt: list[int], params: Any, request_id: str, options: Mapping[str, Any]
    ) -> AsyncGenerator[Any, None]:
        return self.plugin.generate({**self.prompt_fields, "prompt_token_ids": prompt}, params, request_id, **options)
