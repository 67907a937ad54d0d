"""Replies are read however they are cut into pieces."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopgate._http import Endpoint, ReplyReader
from stopgate.errors import CallFailed

BODY = json.dumps({"stop": [0, 1]}).encode()
REPLIES = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + BODY[:5]
    + b"\r\n%x;x=1\r\n" % len(BODY[5:]) + BODY[5:] + b"\r\n0\r\n\r\n",
    "gzip": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(BODY))
    + gzip.compress(BODY),
}  # fmt: skip


@given(st.sampled_from(sorted(REPLIES)), st.lists(st.integers(1, 40)))
def test_a_reply_is_read_from_any_pieces(name: str, sizes: list[int]) -> None:
    data, reader, reply = REPLIES[name], ReplyReader(), None
    for size in [*sizes, len(data)]:
        piece, data = data[:size], data[size:]
        if piece:
            assert reply is None
            reply = reader.feed(piece)
    assert reply is not None
    assert reply.json() == {"stop": [0, 1]}
    assert reply.keeps_alive


def test_a_reply_without_a_length_ends_with_the_connection() -> None:
    reader = ReplyReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY) is None
    reply = reader.feed(b"")
    assert reply is not None and reply.json() == {"stop": [0, 1]} and not reply.keeps_alive


def test_an_error_says_when_to_try_again() -> None:
    reply = ReplyReader().feed(b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno")
    assert reply is not None
    with pytest.raises(CallFailed, match="429 no") as raised:
        reply.json()
    assert (raised.value.status, raised.value.retry_after, raised.value.may_succeed_later) == (429, 3.0, True)


def test_a_request_names_host_path_and_token() -> None:
    request = Endpoint("http://[::1]:81/gate/", "secret").request("POST", "/v1/x", b"{}", {"a": "b"})
    assert request == (
        b"POST /gate/v1/x HTTP/1.1\r\nHost: [::1]:81\r\nAuthorization: Bearer secret\r\na: b\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("size", [b"-6", b"-0x1", b"0x10", b"1_0", b"", b"+5", b"f" * 400])
def test_a_chunk_without_a_proper_size_is_refused(size: bytes) -> None:
    """A size of -6 leads back to the start of the chunk, which would be read for ever."""
    with pytest.raises(CallFailed, match="no size"):
        ReplyReader().feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello\r\n0\r\n\r\n")


def test_a_reply_that_fills_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopgate._http._MAX_BODY_BYTES", 100_000)
    reader = ReplyReader()
    with pytest.raises(CallFailed, match="more than 100000 bytes"):
        for _ in range(1000):
            reader.feed(HEAD + b"\r\n" + b"x" * 1000)
    bomb = gzip.compress(b" " * 10_000_000)
    reply = ReplyReader().feed(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)
    assert reply is not None
    with pytest.raises(CallFailed, match="more than 100000 bytes"):
        reply.json()


@pytest.mark.parametrize("status", [200, 500])
def test_a_reply_that_is_nested_deeply_is_refused(status: int) -> None:
    body = b"[" * 200_000
    reply = ReplyReader().feed(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
    assert reply is not None
    with pytest.raises(CallFailed):
        reply.json()
