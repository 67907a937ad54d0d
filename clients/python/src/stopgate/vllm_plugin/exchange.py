"""An HTTP request to vLLM's server: its statements about its generations, and those of its reply."""

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple
from urllib.parse import unquote

from .._telemetry import logger

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 16 * 2**20
_MAX_SAMPLES, _MAX_NAME_BYTES, _MAX_ANSWER_BYTES, _MAX_CONTEXT = 4096, 128, 4096, 8192
_LEVEL = re.compile(r"[A-Za-z][\w.-]{0,31}", re.ASCII)
_ODD = re.compile("[\ufffd\ud800-\udfff]")
_PATHS = ("/v1/chat/completions", "/v1/chat/completions/batch", "/v1/completions", "/v1/responses", "/v1/messages")
_WANTS_USAGE = re.compile(rb'"include_usage"\s*:\s*true')
_FINISHED, _WITHOUT_CHOICES = b'"finish_reason":"', b'"choices":[],'
_LAST_EVENTS = (b"event: response.completed\n", b"event: message_delta\n")


class HeaderError(ValueError):
    """A header that can't be read: the request passes."""


class Stated(NamedTuple):
    """What a request states about its generations."""

    is_off: bool = False
    context: Mapping[str, str] = {}
    group: str | None = None
    samples: int | None = None
    gold: str | None = None

    @classmethod
    def read(cls, read: Callable[[str], str | None]) -> "Stated":
        """Reads headers, or fields of `vllm_xargs`.

        Args:
            read: the value by its name; "" is that of the switch.

        Raises:
            HeaderError: a value can't be read.
        """
        context, group, samples, gold = (read(name) for name in ("context", "group", "samples", "gold"))
        return cls(
            (read("") or "").strip().lower() == "off",
            {} if context is None else _context(context),
            None if group is None else _name(group),
            None if samples is None else _samples(samples),
            None if gold is None else _decoded(gold, _MAX_ANSWER_BYTES),
        )

    def over(self, other: "Stated") -> "Stated":
        """These statements, completed by others."""
        return Stated(
            self.is_off or other.is_off, {**other.context, **self.context}, self.group or other.group,
            self.samples or other.samples, self.gold or other.gold,
        )  # fmt: skip


def _context(text: str) -> dict[str, str]:
    if len(text) > _MAX_CONTEXT:
        raise HeaderError("the context is too long")
    context: dict[str, str] = {}
    for part in text.split(","):
        level, equals, value = (side.strip() for side in part.partition("="))
        if not equals or _LEVEL.fullmatch(level) is None:
            raise HeaderError("a context must be like task=gsm8k")
        context[level] = _name(value)
    return context


def levels_in(metadata: Any, levels: Sequence[str]) -> dict[str, str]:
    """The levels of a context that the `metadata` of a body states, as texts within the limits of a header."""
    stated = metadata if isinstance(metadata, dict) else {}
    named = {level: stated.get(level) for level in levels}
    return {level: value for level, value in named.items() if isinstance(value, str) and _is_name(value)}


def _fits(text: str, most_bytes: int) -> bool:
    return 1 <= len(text.encode("utf-8", "surrogatepass")) <= most_bytes


def _is_name(text: str) -> bool:
    """Whether the service accepts a text as an id, or as a value of a context."""
    return _fits(text, _MAX_NAME_BYTES) and not text.startswith("\0") and _ODD.search(text) is None


def _name(value: str) -> str:
    name = _decoded(value, _MAX_NAME_BYTES)
    if not _is_name(name):
        raise HeaderError("a value begins with U+0000, or contains U+FFFD")
    return name


def _samples(text: str) -> int:
    samples = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0
    if not 1 <= samples <= _MAX_SAMPLES:
        raise HeaderError(f"samples must be a whole number from 1 to {_MAX_SAMPLES}")
    return samples


def _decoded(value: str, most_bytes: int) -> str:
    try:
        text = unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise HeaderError("a value is not percent-encoded UTF-8") from error
    if not _fits(text, most_bytes):
        raise HeaderError(f"a value must have 1 to {most_bytes} bytes")
    return text


class Exchange:
    """An HTTP request and its reply.

    Args:
        headers: as ASGI has them.
        path: of the route.
    """

    def __init__(self, headers: "list[tuple[bytes, bytes]]", path: str = "other") -> None:
        self.path = path if path in _PATHS else "other"
        self._headers = {name: value for name, value in headers if name.startswith(b"x-stopgate")}
        self._chunks: list[bytes] = []
        self._size = 0
        self._body: Mapping[str, Any] | None = None
        self._held: Message | None = None
        self.id = f"vllm-{uuid.uuid4().hex}"
        self._told: dict[str, dict[str, Any] | None] = {}
        self.prompts = 0
        self.passed = False
        self.causes: set[str] = set()
        """Why vLLM alone serves calls of it."""
        self.is_gone = False
        """Whether the client went away."""
        self._wants_usage = False
        self._finished = 0
        """Choices that the stream has finished."""

    @property
    def begun(self) -> int:
        """How many generations it has."""
        return len(self._told)

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The field `stopgate` of each generation that has ended, in the order of prompts and samples."""
        return [field for field in self._told.values() if field is not None]

    def next_id(self) -> str:
        """The id of its next generation."""
        id = f"{self.id}-{self.begun}" if self._told else self.id
        self._told[id] = None
        return id

    def tell(self, id: str, field: dict[str, Any] | None) -> None:
        """Has the reply say this of a generation; None: nothing."""
        self._told[id] = field

    def stated(self) -> Stated:
        """What its headers state.

        Raises:
            HeaderError: one can't be read.
        """
        if not self._headers:
            return Stated()

        def read(name: str) -> str | None:
            value = self._headers.get(f"x-stopgate-{name}".encode() if name else b"x-stopgate")
            return None if value is None else value.decode("latin-1")

        return Stated.read(read)

    @property
    def is_too_large(self) -> bool:
        """Whether its body was not kept."""
        return self._size > MAX_BODY_BYTES

    def body(self, is_needed: bool = False) -> Mapping[str, Any]:
        """The fields of the body, if they are needed or have tools or metadata among them."""
        if self._body is None:
            text = b"".join(self._chunks)
            self._wants_usage = _WANTS_USAGE.search(text) is not None
            if not (is_needed or b'"tools"' in text or b'"metadata"' in text):
                return {}
            parsed = json.loads(text or b"{}")
            self._body, self._chunks = (parsed if isinstance(parsed, dict) else {}), []
        return self._body

    def received(self, message: Message) -> None:
        """Keeps a part of the body, or notes that the client went away."""
        self.is_gone |= message.get("type") == "http.disconnect"
        chunk = message.get("body", b"")
        self._size += len(chunk)
        if self.is_too_large:
            self._chunks = []
        elif chunk and self._body is None:
            self._chunks.append(chunk)

    def sending(self, message: Message) -> list[Message]:
        """The messages to send in place of one of the reply."""
        if message["type"] == "http.response.start":
            return self._start(message)
        if message["type"] != "http.response.body":
            return [message]
        body = message.get("body", b"")
        if self._held is not None:
            start, self._held = self._held, None
            if message.get("more_body") or not body.rstrip().endswith(b"}") or not self.fields:
                return [start, message]
            body = self._with_field(body)
            headers = [one for one in start["headers"] if one[0].lower() != b"content-length"]
            size = (b"content-length", str(len(body)).encode())
            return [{**start, "headers": [*headers, size]}, {**message, "body": body}]
        if body.endswith(b"}\n\n") and self._is_last(body) and self.fields and not self.passed:
            return [{**message, "body": self._with_field(body)}]
        return [message]

    def _start(self, message: Message) -> list[Message]:
        headers = [*message.get("headers", ())]
        kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
        is_stream = kind.startswith(b"text/event-stream")
        # The generation of a stream may begin only after its head.
        if message["status"] != 200 or self.passed or not (self.begun or is_stream):
            return [message]
        headers.append((b"x-stopgate-generation", self.id.encode()))
        started = {**message, "headers": headers}
        if kind.startswith(b"application/json"):
            self._held = started
            return []
        return [started]

    def _is_last(self, event: bytes) -> bool:
        """Whether no other event about the generations follows.

        With --enable-force-include-usage a chunk with the usage still does; it then has the field, too.
        """
        if not event.startswith(b"data: {"):
            return event.startswith(_LAST_EVENTS)
        finished = event.count(_FINISHED)
        self._finished += finished
        if _WITHOUT_CHOICES in event:
            return True
        return finished > 0 and self._finished >= self.begun and not self._wants_usage

    def _with_field(self, body: bytes) -> bytes:
        """A JSON object with the field `stopgate` at its end."""
        field = self.fields[0] if self.begun == 1 else {"samples": self.fields}
        end = body.rindex(b"}")
        return body[:end] + b',"stopgate":' + json.dumps(field, separators=(",", ":")).encode() + body[end:]


CURRENT: ContextVar[Exchange | None] = ContextVar("stopgate_exchange", default=None)
"""The HTTP request in which `generate` is called."""


class Middleware:
    """Carries the headers of requests to their generations, and says in replies which generations they hold (ASGI)."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves a request. A fault in the code above leaves the request and its reply as they are."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope["headers"], scope["path"])

        async def receiving() -> Message:
            message = await receive()
            try:
                exchange.received(message)
            except Exception:
                logger.exception("the body of a request can't be kept")
            return message

        async def sending(message: Message) -> None:
            held = exchange._held
            try:
                messages = exchange.sending(message)
            except Exception:
                logger.exception("a reply can't say which generation it holds")
                messages, exchange._held = [*([] if held is None else [held]), message], None
            for one in messages:
                try:
                    await send(one)
                except OSError:
                    exchange.is_gone = True
                    raise

        token = CURRENT.set(exchange)
        try:
            await self.app(scope, receiving, sending)
        finally:
            CURRENT.reset(token)
