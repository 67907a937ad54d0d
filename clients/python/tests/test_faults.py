"""No failure of the service or the network costs a generation."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping

import pytest

from conftest import CONTEXT, Service, until
from playing import Played, is_right
from stopgate import AsyncClient, Client


def play(client: Client, where: Mapping[str, str] = CONTEXT) -> Played:
    played = Played(100, knows_at=64)
    assert client.run(client.generation(where, grade=is_right), played.generate, played.probe) == "right"
    assert played.tokens == 100
    return played


def test_a_service_that_was_killed_and_restarted_gets_every_outcome(
    mortal_service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    def followed(what: str) -> int:
        return mortal_service.counts("model=q,task=killed").get(what, 0)

    where = {"model": "q", "task": "killed"}

    with Client(mortal_service.url, timeout=30) as client:
        for _ in range(20):
            play(client, where)
        until("they are learned from", lambda: followed("reported") == 20)
        begun = [(client.generation(where, grade=is_right), Played(100, knows_at=64)) for _ in range(5)]
        client.check(one.observe(played.generate(32)[0], played.probe()) for one, played in begun)
        until("they are enrolled", lambda: followed("enrolled") == 25)
        mortal_service.kill()
        for one, played in begun:
            assert client.run(one, played.generate, played.probe) == "right"
            assert [step.tokens for step in one.steps] == [32, 64, 96], "the record of a control generation is whole"
        assert client.counters.failures == 2, "the breaker spares the others their calls"
        for _ in range(20):
            assert play(client, where).probes == 1, "only the answer is forced, since no decision can come"
        assert client.counters.undecided == 10 + 60
        mortal_service.start()
        until("decisions come again", lambda: not client._session.breaker.is_open)
        play(client, where)
        assert client.flush(60)
        assert client.counters.undecided == 70
        assert (client.counters.reported, client.counters.rejected, client.counters.dropped) == (26, 0, 0)
        until(
            "the generations that had started, and the one decided again, are learned from",
            lambda: followed("reported") == 26,
        )
    said = [record.getMessage() for record in caplog.records]
    assert any(f"stopgate at {mortal_service.url}" in line for line in said), "a log may have lines of other services"
    for what in ("stopgate is down", "stopgate answers again, after"):
        assert len([line for line in said if what in line]) == 1, what


def test_a_frozen_service_costs_two_deadlines(mortal_service: Service) -> None:
    client = Client(mortal_service.url, timeout=30, exit_seconds=0)
    play(client)
    client._session.timeout = 0.05
    os.kill(mortal_service.process.pid, signal.SIGSTOP)
    try:
        assert play(client).probes == 4, "its first check may have enrolled it, so that its record is kept"
        for _ in range(19):
            assert play(client).probes == 1
        assert client.counters.failures == 2
        assert client.counters.undecided == 60
    finally:
        os.kill(mortal_service.process.pid, signal.SIGCONT)
    client._session.timeout = 30
    until("the breaker has closed", lambda: not client._session.breaker.is_open)
    play(client)
    assert client.counters.undecided == 60
    client.close(30)


def test_local_decisions_go_on_without_the_service(mortal_service: Service) -> None:
    mortal_service.pin("model=q,task=local")
    where = {"model": "q", "task": "local"}
    with Client(mortal_service.url, local=True, exit_seconds=0) as client:
        assert client.wait_ready(30)
        mortal_service.kill()
        one, played = client.generation(where), Played(100, knows_at=64)
        one.arm = "treated"
        assert client.run(one, played.generate, played.probe) == "right"
        assert one.stopped
        client._session.local._max_staleness = 0  # type: ignore[union-attr]
        late = client.generation(where)
        late.arm = "treated"
        assert client.check([late.observe(32, confidence=0.999)]) == []
        assert not late.due(64) and late.next_check == 96, "no decision can come"


@pytest.fixture
def stranger() -> Iterator["tuple[str, list[bytes]]"]:
    """A server that gives the replies of a list to any request, one reply a connection."""
    replies: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(replies.pop(0) if replies else b"")

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", replies
    listening.close()


INVALID_REPLIES = [
    b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"stop":[0]',
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
    b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
    b"hello\r\n\r\n",
    b"",
]


@pytest.mark.parametrize("reply", INVALID_REPLIES)
def test_an_invalid_reply_means_continue(stranger: "tuple[str, list[bytes]]", reply: bytes) -> None:
    url, replies = stranger
    client = Client(url, timeout=30)
    replies.append(reply)
    one = client.generation(CONTEXT)
    assert client.check([one.observe(32, confidence=0.999)]) == []
    assert (one.next_check, client.counters.failures) == (48, 1)


@pytest.mark.parametrize("reply", INVALID_REPLIES)
def test_an_invalid_reply_means_continue_in_an_event_loop(stranger: "tuple[str, list[bytes]]", reply: bytes) -> None:
    url, replies = stranger
    client = AsyncClient(url, timeout=30)
    replies.append(reply)
    one = client.generation(CONTEXT)
    assert asyncio.run(client.check([one.observe(32, confidence=0.999)])) == []
    assert (one.next_check, client.counters.failures) == (48, 1)


def test_a_service_that_trickles_does_not_stretch_the_deadline(caplog: pytest.LogCaptureFixture) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    has_ended = threading.Event()

    def trickle() -> None:
        connection, _ = listening.accept()
        with connection:
            for _ in range(1000):  # and not without end, so that a client that waits for it fails the test
                if has_ended.wait(0.01):
                    return
                try:
                    connection.sendall(b"H")
                except OSError:
                    return

    threading.Thread(target=trickle, daemon=True).start()
    client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.2)
    one = client.generation(CONTEXT)
    assert client.check([one.observe(32, confidence=0.999)]) == [] and client.counters.failures == 1
    assert "no reply within 0.2 s" in caplog.text, "it did not wait for the end of the connection"
    assert client.check([one.observe(64, confidence=0.999)]) == [] and client.counters.failures == 2
    slow = [line for line in (record.getMessage() for record in caplog.records) if "no reply within 0.2 s" in line]
    assert len(slow) == 1 and "raise the client's timeout" in slow[0], "a burst is one line, which says what to change"
    has_ended.set()
    listening.close()


def test_a_timeout_in_an_event_loop_says_what_to_change(caplog: pytest.LogCaptureFixture) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    client = AsyncClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.1)
    assert asyncio.run(client.check([client.generation(CONTEXT).observe(32, confidence=0.999)])) == []
    assert "no reply within 0.1 s. If this repeats, check that the service can be reached" in caplog.text
    silent.close()


def test_a_connection_that_idled_too_long_is_no_failure(mortal_service: Service) -> None:
    client = Client(mortal_service.url, timeout=30)
    one = client.generation(CONTEXT)
    client.check([one.observe(32, confidence=0.5)])
    mortal_service.kill()
    mortal_service.start()
    client.check([one.observe(64, confidence=0.5)])
    assert (client.counters.calls, client.counters.failures) == (2, 0)
    client.close()


def test_a_full_queue_drops_the_oldest(mortal_service: Service) -> None:
    client = Client(mortal_service.url, queue_size=5, timeout=30)
    runs = [client.generation(CONTEXT) for _ in range(20)]
    client.check(one.observe(32, confidence=0.5) for one in runs)
    mortal_service.kill()
    for one in runs:
        one.finish("right", tokens=100)
    assert client.counters.dropped >= 10
    mortal_service.start()
    assert client.flush(60)
    assert client.counters.reported + client.counters.dropped == 20
    client.close()


def test_a_service_that_is_away_does_not_hold_up_the_end() -> None:
    client = Client("http://127.0.0.1:9")
    play(client)
    assert not client.close(0)


def test_an_asyncio_client_does_not_probe_while_the_service_is_away() -> None:
    async def serve() -> None:
        async with AsyncClient("http://127.0.0.1:9", exit_seconds=0) as client:
            first, other = Played(100), Played(100)
            await client.run(client.generation(CONTEXT), first.agenerate, first.aprobe)
            assert await client.run(client.generation(CONTEXT), other.agenerate, other.aprobe) == "right"
            assert (first.probes, other.probes, client.counters.undecided) == (6, 1, 10)

    asyncio.run(serve())
