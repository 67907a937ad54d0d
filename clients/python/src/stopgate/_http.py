"""HTTP/1.1 as bytes: requests are written and replies are read without a socket, for both kinds of connection."""

import gzip
import http.client
import io
import json
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .errors import CallFailed

_MAX_HEAD = 65_536


class Reply(NamedTuple):
    """A whole reply. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    keeps_alive: bool

    def json(self) -> Any:
        """The body of a 2xx as JSON.

        Raises:
            CallFailed: another status, or a body that is not JSON.
        """
        if not 200 <= self.status < 300:
            after = self.headers.get("retry-after", "")
            text = f"{self.status} {self.body[:500].decode('utf-8', 'replace')}"
            raise CallFailed(text, self.status, float(after) if after.isdecimal() else None)
        try:
            body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
            return json.loads(body)
        except (ValueError, OSError, EOFError) as error:
            raise CallFailed(f"the reply is not JSON: {error}") from error


class Endpoint:
    """Where the service is.

    Args:
        url: http or https, a host, and optionally a port and a path that comes before every route.
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
    """Reads one reply from the bytes that arrive."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._head: tuple[int, dict[str, str], int] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether anything has arrived."""
        return len(self._data) > 0

    def feed(self, data: bytes) -> Reply | None:
        """Takes what arrived (nothing: the other side has closed). Returns the reply once it is whole.

        Raises:
            CallFailed: the bytes are no reply, or end before the reply does.
        """
        self._data += data
        if self._head is None:
            end = self._data.find(b"\r\n\r\n")
            if end >= 0:
                self._head = (*_read_head(bytes(self._data[: end + 4])), end + 4)
            elif len(self._data) > _MAX_HEAD:
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


def _read_chunks(data: bytearray, at: int) -> bytes | None:
    """The body of a chunked reply without trailers; None where it is not whole yet."""
    body = bytearray()
    while (end := data.find(b"\r\n", at)) >= 0:
        try:
            size = int(data[at:end].split(b";")[0], 16)
        except ValueError as error:
            raise CallFailed("a chunk of the reply has no size") from error
        at = end + 2 + size + 2
        if len(data) < at:
            return None
        if size == 0:
            return bytes(body)
        body += data[end + 2 : end + 2 + size]
    return None
