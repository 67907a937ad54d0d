"""HTTP/1.1: requests and replies as bytes, blocking connections, and connections for event loops."""

import asyncio
import http.client
import io
import json
import re
import socket
import ssl
import time
import zlib
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .errors import CallFailed, CallTimedOut

_MAX_HEAD_BYTES = 65_536
_MAX_BODY_BYTES = 256 * 2**20
"""Also once it is unzipped. Only a judge or a service that means harm sends more."""
_MAX_IDLE = 8
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Reply(NamedTuple):
    """A complete reply. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    keeps_alive: bool

    def json(self) -> Any:
        """The body of a 2xx reply, parsed as JSON.

        Raises:
            CallFailed: another status, or a body that is not JSON.
        """
        if not 200 <= self.status < 300:
            after = self.headers.get("retry-after", "")
            raise CallFailed(f"{self.status} {self._error}", self.status, float(after) if after.isdecimal() else None)
        try:
            body = _unzipped(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
            return json.loads(body)
        except (ValueError, RecursionError, zlib.error) as error:
            raise CallFailed(f"the reply is not JSON: {error}") from error

    @property
    def _error(self) -> str:
        """Code and message of the service's error; of another one, the start of the body."""
        try:
            error = json.loads(self.body)
            return f"{error['code']}: {error['message']}"
        except (ValueError, KeyError, TypeError, RecursionError):
            return self.body[:500].decode("utf-8", "replace")


def _unzipped(data: bytes) -> bytes:
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    body = unzip.decompress(data, _MAX_BODY_BYTES)
    if unzip.unconsumed_tail:
        raise ValueError(f"it has more than {_MAX_BODY_BYTES} bytes")
    if not unzip.eof:
        raise ValueError("it was cut off")
    return body


class Endpoint:
    """The address of the service.

    Args:
        url: http or https, a host, and optionally a port and a path, to which routes are appended.
        token: sent as a bearer token; None: none.
        ssl_context: for https; None: the system's certificates.

    Raises:
        ValueError: the URL is not http or https, or has no host.
    """

    def __init__(self, url: str, token: str | None = None, ssl_context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"the URL of the service must be http://HOST or https://HOST, not {url!r}")
        is_tls = parts.scheme == "https"
        self.url = url
        self.host = parts.hostname
        self.port = parts.port or (443 if is_tls else 80)
        self.ssl_context = (ssl_context or ssl.create_default_context()) if is_tls else None
        self._path = parts.path.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        self._headers = f"Host: {host}:{self.port}\r\n" + (f"Authorization: Bearer {token}\r\n" if token else "")

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """A request as bytes. The body is JSON."""
        head = f"{method} {self._path}{path} HTTP/1.1\r\n{self._headers}"
        for name, value in (headers or {}).items():
            head += f"{name}: {value}\r\n"
        if body is None:
            return f"{head}\r\n".encode()
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class ReplyReader:
    """Parses one reply from bytes as they arrive."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._head: tuple[int, dict[str, str], int] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether anything has arrived."""
        return len(self._data) > 0

    def feed(self, data: bytes) -> Reply | None:
        """Adds bytes that arrived (none: the connection was closed). Returns the reply once it is complete.

        Raises:
            CallFailed: the bytes are not a reply, or end too early.
        """
        self._data += data
        if len(self._data) > _MAX_BODY_BYTES:
            raise CallFailed(f"the reply has more than {_MAX_BODY_BYTES} bytes")
        if self._head is None:
            end = self._data.find(b"\r\n\r\n")
            if end >= 0:
                self._head = (*_read_head(bytes(self._data[: end + 4])), end + 4)
            elif len(self._data) > _MAX_HEAD_BYTES:
                raise CallFailed("the reply is not HTTP")
        reply = None if self._head is None else self._finish(*self._head, is_closed=not data)
        if reply is None and not data:
            raise CallFailed("the reply was cut off")
        return reply

    def _finish(self, status: int, headers: dict[str, str], start: int, is_closed: bool) -> Reply | None:
        keeps_alive = headers.get("connection", "").lower() != "close"
        if status in (204, 304):
            return Reply(status, headers, b"", keeps_alive)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = _read_chunks(self._data, start)
            return None if body is None else Reply(status, headers, body, keeps_alive)
        if "content-length" in headers:
            end = start + int(headers["content-length"])
            return Reply(status, headers, bytes(self._data[start:end]), keeps_alive) if len(self._data) >= end else None
        return Reply(status, headers, bytes(self._data[start:]), False) if is_closed else None


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    line, _, fields = head.partition(b"\r\n")
    try:
        version, status, *_ = line.split(b" ", 2)
        if not version.startswith(b"HTTP/1."):
            raise ValueError(version)
        headers = {name.lower(): value for name, value in http.client.parse_headers(io.BytesIO(fields)).items()}
        if int(headers.get("content-length", "0")) < 0:
            raise ValueError("negative length")
        return int(status), headers
    except (ValueError, http.client.HTTPException) as error:
        raise CallFailed(f"the reply is not HTTP: {error}") from error


_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")


def _read_chunks(data: bytearray, at: int) -> bytes | None:
    """The body of a chunked reply without trailers; None while it is incomplete."""
    body = bytearray()
    while (end := data.find(b"\r\n", at)) >= 0:
        stated = data[at:end].split(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(stated):  # a negative one would be read for ever
            raise CallFailed("a chunk of the reply has no size")
        size = int(stated, 16)
        at = end + 2 + size + 2
        if len(data) < at:
            return None
        if size == 0:
            return bytes(body)
        body += data[end + 2 : end + 2 + size]
    return None


class Connections:
    """Calls a service. Threads may call concurrently: each call has its own connection, which is kept alive.

    One deadline covers a whole call.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._idle: deque[socket.socket] = deque()

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float,
    ) -> Reply:
        """Sends a request and returns the reply, whatever its status.

        If the service has closed an idle connection, the request is sent again over another one.

        Args:
            timeout: seconds for the whole call, except the DNS look-up.

        Raises:
            CallFailed: the service cannot be reached or is too slow, or the reply is not HTTP.
        """
        deadline = time.monotonic() + timeout
        request = self._endpoint.request(method, path, body, headers)
        try:
            while (connection := self._take()) is not None:
                reply = self._exchange(connection, request, deadline, is_reused=True)
                if reply is not None:
                    return reply
            reply = self._exchange(self._connect(deadline), request, deadline, is_reused=False)
            assert reply is not None
            return reply
        except TimeoutError as error:
            raise CallTimedOut(timeout) from error
        except OSError as error:
            raise CallFailed(f"stopgate at {self._endpoint.url}: {type(error).__name__}: {error}") from error

    def forget(self) -> None:
        """Drops idle connections after a fork, without closing them: the parent uses them."""
        self._idle = deque()

    def close(self) -> None:
        """Closes the idle connections."""
        while (connection := self._take()) is not None:
            connection.close()

    def _take(self) -> socket.socket | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self, deadline: float) -> socket.socket:
        address = (self._endpoint.host, self._endpoint.port)
        connection = socket.create_connection(address, timeout=_left(deadline))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._endpoint.ssl_context is None:
            return connection
        connection.settimeout(_left(deadline))
        return self._endpoint.ssl_context.wrap_socket(connection, server_hostname=self._endpoint.host)

    def _exchange(self, connection: socket.socket, request: bytes, deadline: float, is_reused: bool) -> Reply | None:
        """Returns None if the other side had closed a connection that was reused."""
        reader = ReplyReader()
        reply: Reply | None = None
        try:
            connection.settimeout(_left(deadline))
            connection.sendall(request)
            while reply is None:
                connection.settimeout(_left(deadline))
                data = connection.recv(65_536)
                if not data and is_reused and not reader.has_begun:
                    return None
                reply = reader.feed(data)
            return reply
        except (ConnectionResetError, BrokenPipeError):
            if is_reused and not reader.has_begun:
                return None
            raise
        finally:
            if reply is not None and reply.keeps_alive and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
            else:
                connection.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


class AsyncConnection:
    """Calls a service from an event loop, one call at a time, over a connection that is kept alive."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._streams: _Streams | None = None

    async def call(self, method: str, path: str, body: bytes, *, timeout: float) -> Reply:
        """Sends a request and returns the reply, whatever its status.

        Args:
            timeout: seconds for the whole call.

        Raises:
            CallFailed: the service cannot be reached or is too slow, or the reply is not HTTP.
        """
        try:
            return await asyncio.wait_for(self._call(self._endpoint.request(method, path, body)), timeout)
        except (TimeoutError, asyncio.TimeoutError) as error:  # two classes before Python 3.11
            self.close()
            raise CallTimedOut(timeout) from error
        except OSError as error:
            self.close()
            raise CallFailed(f"stopgate at {self._endpoint.url}: {type(error).__name__}: {error}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _call(self, request: bytes) -> Reply:
        if self._streams is not None:
            reply = await self._exchange(self._streams, request, is_reused=True)
            if reply is not None:
                return reply
            self.close()
        endpoint = self._endpoint
        self._streams = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=endpoint.ssl_context)
        reply = await self._exchange(self._streams, request, is_reused=False)
        assert reply is not None
        return reply

    async def _exchange(self, streams: _Streams, request: bytes, is_reused: bool) -> Reply | None:
        """Returns None if the other side had closed a connection that was reused."""
        reader, writer = streams
        read = ReplyReader()
        reply: Reply | None = None
        try:
            writer.write(request)
            while reply is None:
                data = await reader.read(65_536)
                if not data and is_reused and not read.has_begun:
                    return None
                reply = read.feed(data)
        except (ConnectionResetError, BrokenPipeError):
            if is_reused and not read.has_begun:
                return None
            raise
        if not reply.keeps_alive:
            self.close()
        return reply
