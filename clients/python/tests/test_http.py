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
