"""Seats for probes while requests wait."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import Service
from fake_vllm import FakeEngine
from stopgate.vllm_plugin import _seats_of, _show_waiting
from stopgate.vllm_plugin.seats import Board, Seats, Taken
from stopgate.vllm_plugin.serving import Server
from vllm_server import PROMPT, STREAMED, WHOLE, arm_is, held, play, prepare, requesting, said, wanting


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def in_loop(test: Any) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


def test_no_seat_is_kept_free_while_no_request_waits() -> None:
    async def test() -> None:
        seats = Seats(16)
        for _ in range(16):
            await seats.enter()
        assert seats.taken == Taken(16, 0, 0) and seats.reserve == 2 and seats.most_probes == 4

    in_loop(test)


def test_while_requests_wait_as_many_seats_stay_free_as_probes_need() -> None:
    async def test() -> None:
        clock = Clock()
        seats = Seats(16, clock=clock)
        for _ in range(16):
            await seats.enter()
        waiting = [asyncio.ensure_future(seats.enter()) for _ in range(4)]
        await settled()
        seats.leave()
        assert seats.taken == Taken(16, 0, 3), "no probe has needed one"
        probes = [asyncio.ensure_future(seats.enter_probe(True)) for _ in range(5)]
        await settled()
        assert seats.taken.probing == 2, "those beyond the share wait"
        clock.now = 10
        for _ in range(3):
            seats.leave()
        assert seats.taken == Taken(14, 2, 2), "two of the seats are the probes'"
        for _ in range(5):
            seats.leave_probe()
            await settled()
        assert all(one.done() for one in probes)
        seats.leave()
        assert seats.taken == Taken(14, 0, 1), "probes needed two of late"
        clock.now = 30
        seats.leave()
        assert seats.taken == Taken(14, 0, 0), "and need none by now"
        await asyncio.gather(*waiting)

    in_loop(test)


def test_requests_enter_in_their_order_and_by_priority() -> None:
    async def test() -> None:
        seats, entered = Seats(2), list[str]()
        await seats.enter()
        await seats.enter()

        async def one(name: str, order: int) -> None:
            await seats.enter(order)
            entered.append(name)

        tasks = [asyncio.ensure_future(one(*its)) for its in (("a", 0), ("b", 0), ("c", -1), ("d", 0))]
        await settled()
        for _ in range(4):
            seats.leave()
            await settled()
        assert entered == ["c", "a", "b", "d"] and all(task.done() for task in tasks)

    in_loop(test)


def test_control_probes_come_before_treated_ones() -> None:
    async def test() -> None:
        seats, entered = Seats(4), list[str]()
        await seats.enter_probe(True)

        async def one(name: str, is_control: bool) -> None:
            await seats.enter_probe(is_control)
            entered.append(name)

        names = ("treated 1", "control 1", "treated 2", "control 2")
        tasks = [asyncio.ensure_future(one(name, name.startswith("control"))) for name in names]
        await settled()
        assert seats.is_full
        for _ in range(4):
            seats.leave_probe()
            await settled()
        assert entered == ["control 1", "control 2", "treated 1", "treated 2"] and not seats.is_full
        assert all(task.done() for task in tasks)

    in_loop(test)


def test_one_that_is_given_up_leaves_its_place() -> None:
    async def test() -> None:
        seats = Seats(2)
        await seats.enter()
        await seats.enter()
        first, second = (asyncio.ensure_future(seats.enter()) for _ in range(2))
        await settled()
        first.cancel()
        await settled()
        assert seats.taken == Taken(2, 0, 1)
        seats.leave()
        second.cancel()  # it has its seat, and does not know yet
        await settled()
        assert seats.taken == Taken(1, 0, 0)

    in_loop(test)


def test_api_servers_share_the_seats(tmp_path: Path) -> None:
    async def test() -> None:
        name = str(tmp_path / "seats")
        one, other = (Seats(4, board=Board(rank, 2, name)) for rank in range(2))
        for _ in range(3):
            await one.enter()
        await other.enter()
        waiting = asyncio.ensure_future(other.enter())
        await settled()
        assert one.waiting == other.waiting == 1
        one.leave()
        await waiting
        assert (one.taken, other.taken) == (Taken(2, 0, 0), Taken(2, 0, 0)) and one.waiting == 0
        await one.enter_probe(True)
        assert other._others() == Taken(2, 1, 0)

    in_loop(test)


def test_the_seats_are_those_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def config(**parallel: Any) -> Any:
        known = {
            "data_parallel_external_lb": False, "data_parallel_hybrid_lb": False, "data_parallel_size": 1,
            "data_parallel_size_local": 1, "_api_process_count": 1, "_api_process_rank": 0,
        }  # fmt: skip
        scheduler = SimpleNamespace(max_num_seqs=16)
        return SimpleNamespace(scheduler_config=scheduler, parallel_config=SimpleNamespace(**{**known, **parallel}))

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert (seats := _seats_of(config(), {})).total == 16 and seats.reserve == 2
    assert _seats_of(config(), {"STOPGATE_PROBE_SEATS": "0.25"}).reserve == 4
    assert _seats_of(config(), {"STOPGATE_PROBE_SEATS": "0"}).reserve == 0
    assert _seats_of(config(data_parallel_size=4), {}).total == 64
    assert _seats_of(config(data_parallel_size=4, data_parallel_external_lb=True), {}).total == 16
    assert _seats_of(config(_api_process_count=4, _api_process_rank=3), {})._board is not None
    for wrong in ("x", "-1", "0.6"):
        with pytest.raises(ValueError, match="STOPGATE_PROBE_SEATS"):
            _seats_of(config(), {"STOPGATE_PROBE_SEATS": wrong})
    assert Seats(1).reserve == 0, "or no request would ever enter"


def test_requests_that_wait_are_in_the_metrics_of_vllm() -> None:
    seen: list[int] = []
    manager = SimpleNamespace(record=lambda **stats: seen.append(stats["scheduler_stats"].num_waiting_reqs))
    _show_waiting(SimpleNamespace(logger_manager=manager), SimpleNamespace(waiting=5))  # type: ignore[arg-type]
    for engine in (0, 1):
        manager.record(engine_idx=engine, scheduler_stats=SimpleNamespace(num_waiting_reqs=2))
    manager.record.__call__(engine_idx=0, scheduler_stats=SimpleNamespace(num_waiting_reqs=0))
    assert seen == [7, 2, 5]
    _show_waiting(SimpleNamespace(logger_manager=None), SimpleNamespace(waiting=5))  # type: ignore[arg-type]


def test_a_full_engine_makes_all_checks_of_control_requests(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-full", 0.9)
    monkeypatch.setattr(Seats, "is_full", False)  # however many wait

    async def test(engine: FakeEngine, server: Server) -> None:
        running = [0]

        def turns(id: str) -> int:
            running.append(sum(not one.is_over for one in engine.requests.values()))
            return 4 if "-probe-" in id else 1

        engine._turns = turns

        async def one(number: int) -> "list[Any]":
            extra = {} if number % 4 else {"stopgate": "off"}
            with requesting("plug-full"):
                return await said(server(PROMPT, wanting(STREAMED, extra_args=extra), f"r{number}"))

        replies = await asyncio.gather(*map(one, range(40)))
        await server.settle()
        assert all(reply[0]["tokens"] == WHOLE for reply in replies) and max(running) <= 10, "probes are next"
        counts = server.counts.all()
        assert counts["probes ok"] == 30 * 5 and "probes skipped" not in counts and counts["passed off"] == 10
        assert server.seats.taken == Taken()

    play(service, "plug-full", test, {"seats": Seats(8)})


def test_a_request_that_begins_while_too_many_probes_wait_is_left_to_the_engine(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    arm_is(monkeypatch, "control")
    prepare(service, "plug-left", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        held(engine, server)
        monkeypatch.setattr(Seats, "is_full", True)
        with requesting("plug-left"):
            [one] = await said(server(PROMPT, wanting(STREAMED), "r"))
        await server.settle()
        assert one["tokens"] == WHOLE and [*engine.requests] == ["r"]
        assert server.counts.all()["passed engine_full"] == 1 and "--max-num-seqs" in caplog.text
        assert server.client.counters.reported == 0, "it was not drawn"

    play(service, "plug-left", test)


def test_a_treated_request_leaves_out_checks_that_come_too_late(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm_is(monkeypatch, "treated")
    prepare(service, "plug-lag", 0.9)

    async def test(engine: FakeEngine, server: Server) -> None:
        server.seats.most_probes = 0
        with requesting("plug-lag"):
            outputs = server(PROMPT, wanting(STREAMED), "r")
            for _ in range(50):
                await anext(outputs)
            server.seats.most_probes = 1
            server.seats._admit()
            await said(outputs)
        await server.settle()
        probed = [int(id.rpartition("-")[2]) for id in engine.requests if "-probe-" in id]
        assert probed[0] == 48 and server.counts.all()["probes skipped"] == 2

    play(service, "plug-lag", test)
