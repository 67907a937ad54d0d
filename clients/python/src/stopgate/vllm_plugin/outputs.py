"""Outputs of vLLM's engine: put together, cut at a stop, and continued by the closing text and the answer."""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, NamedTuple


class Closing(NamedTuple):
    """A token of the text that closes reasoning, as the engine would put it out."""

    token: int
    text: str


def closing_of(tokens: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[Closing]:
    """The tokens of a closing text, each with the text that it adds."""
    texts = ["", *(decode(tokens[: end + 1]) for end in range(len(tokens)))]
    return [Closing(token, texts[i + 1][len(texts[i]) :]) for i, token in enumerate(tokens)]


def closing_output(like: Any, closing: Closing, has_logprobs: bool) -> Any:
    """An output with one token of a closing text.

    Its log-probability is stated as 0: the model did not choose it.

    Args:
        like: an output of the same request.
    """
    output, one = copy(like), copy(like.outputs[0])
    one.text, one.token_ids, one.finish_reason, one.stop_reason = closing.text, [closing.token], None, None
    one.logprobs = [{closing.token: _logprob_like(like, closing)}] if has_logprobs else None
    output.outputs, output.finished = [one], False
    return output


def _logprob_like(like: Any, closing: Closing) -> Any:
    entry = copy(next(iter(like.outputs[0].logprobs[-1].values())))
    entry.logprob, entry.rank, entry.decoded_token = 0.0, 1, closing.text
    return entry


def continued(output: Any, first: Any, index: int, added: float) -> Any:
    """An output of a request that continues another one, as if it were of that one.

    Args:
        first: an output of the request that is continued.
        index: of the sample.
        added: the sum of the log-probabilities before.
    """
    output.request_id, output.prompt_token_ids = first.request_id, first.prompt_token_ids
    output.prompt, output.num_cached_tokens = first.prompt, first.num_cached_tokens
    one = output.outputs[0]
    one.index = index
    if one.cumulative_logprob is not None:
        one.cumulative_logprob += added
    return output


class Folded:
    """The outputs of one sample, put together to the single output of a request that is not streamed."""

    def __init__(self) -> None:
        self.last: Any = None
        self._tokens: list[int] = []
        self._text = ""
        self._ends: list[tuple[int, int]] = []
        self._logprobs: Any = None

    def add(self, output: Any) -> None:
        """Adds an output."""
        one = output.outputs[0]
        self.last = output
        self._tokens += one.token_ids
        self._text += one.text
        self._ends.append((len(self._tokens), len(self._text)))
        if one.logprobs is not None:
            self._logprobs = [] if self._logprobs is None else self._logprobs
            self._logprobs.extend(one.logprobs)

    def cut(self, tokens: int, decode: Callable[[Sequence[int]], str], is_late: bool) -> None:
        """Drops everything behind so many tokens.

        Args:
            is_late: whether texts come later than their tokens, since they may begin a stop string.
        """
        kept = None if is_late else next((text for count, text in self._ends if count == tokens), None)
        del self._tokens[tokens:]
        self._text = decode(self._tokens) if kept is None else self._text[:kept]
        self._ends = [(tokens, len(self._text))]
        if self._logprobs is not None:
            self._logprobs = self._logprobs[:tokens]

    def whole(self) -> Any:
        """The single output: the last one, with all text, tokens and log-probabilities."""
        output, one = copy(self.last), copy(self.last.outputs[0])
        one.text, one.token_ids, one.logprobs = self._text, self._tokens, self._logprobs
        output.outputs = [one]
        return output


def gathered(outputs: Sequence[Any], last: Any) -> Any:
    """The single output of a request with several samples, put together from theirs.

    Args:
        outputs: one of each sample, in their order.
        last: the one that ended last.
    """
    output = copy(last)
    output.outputs, output.finished = [one.outputs[0] for one in outputs], True
    return output
