"""The client for event loops, against a real service."""

import asyncio
import gc
import threading
import weakref

import pytest

from conftest import Service
from playing import Played, ended, is_right
from stopgate import AsyncClient, ClientGone


def pinned(service: Service, task: str) -> dict[str, str]:
    service.pin(f"model=q,task={task}")
    return {"model": "q", "task": task}


def test_requests_of_a_loop_share_calls(service: Service) -> None:
    where = pinned(service, "aio-shared")

    async def serve() -> None:
        async with AsyncClient(service.url, timeout=30) as client:

            async def handle(knows_at: int) -> tuple[str, int]:
                one, played = client.generation(where, grade=is_right), Played(96, knows_at=knows_at)
                one.arm = "treated"
                return await client.run(one, played.agenerate, played.aprobe), played.tokens

            said = await asyncio.gather(*(handle(32 * (i % 4)) for i in range(20)))
            assert said == [("right", (16, 32, 64, 96)[i % 4]) for i in range(20)]
            assert client.counters.checks == 45
            assert client.counters.calls == 3
            assert await asyncio.to_thread(client.flush, 30)
            assert client.counters.reported == 20

    asyncio.run(serve())


def test_two_event_loops_share_a_client(service: Service) -> None:
    where = pinned(service, "aio-loops")
    client = AsyncClient(service.url, timeout=30)
    stopped: list[bool] = []

    async def serve() -> None:
        for _ in range(10):
            one = client.generation(where)
            one.arm = "treated"
            await client.check([one.observe(32, confidence=0.9)])
            stopped.append(one.stopped)
        await asyncio.sleep(0)

    threads = [threading.Thread(target=asyncio.run, args=(serve(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(serve())
    assert stopped == [True] * 30
    assert client.counters.failures == 0
    client.close()


def test_event_loops_that_have_ended_are_not_kept(service: Service) -> None:
    client = AsyncClient(service.url, timeout=30)

    async def serve() -> "weakref.ref[asyncio.AbstractEventLoop]":
        await client.check([client.generation({"model": "aio-ended"}).observe(32, confidence=0.9)])
        return weakref.ref(asyncio.get_running_loop())

    loops = [asyncio.run(serve()) for _ in range(4)]
    gc.collect()
    assert [one() is None for one in loops[:-1]] == [True] * 3
    client.close()


@pytest.mark.parametrize("gone", [ClientGone, asyncio.CancelledError])
def test_a_generation_whose_client_leaves_is_cancelled(service: Service, gone: type[BaseException]) -> None:
    async def serve() -> None:
        async with AsyncClient(service.url, timeout=30) as client:
            one, played = client.generation({"model": "q", "task": "aio-left"}), Played(100)

            async def generate(limit: int) -> tuple[int, bool]:
                if limit > 32:
                    raise gone
                return played.generate(limit)

            with pytest.raises(gone):
                await client.run(one, generate, played.aprobe, gone=(ClientGone, asyncio.CancelledError))
            assert ended(one)
            assert await asyncio.to_thread(client.flush, 30)
            assert client.counters.reported == 1

    asyncio.run(serve())


def test_a_cancelled_task_does_not_affect_decisions_of_others(service: Service) -> None:
    where = pinned(service, "aio-cancelled")

    async def serve() -> None:
        async with AsyncClient(service.url, timeout=30) as client:
            runs = [client.generation(where) for _ in range(2)]
            for one in runs:
                one.arm = "treated"
            tasks = [asyncio.create_task(client.check([one.observe(32, confidence=0.9)])) for one in runs]
            await asyncio.sleep(0)
            tasks[0].cancel()
            assert await tasks[1] == [runs[1]]
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]

    asyncio.run(serve())


def test_local_decisions_make_no_call(service: Service) -> None:
    where = pinned(service, "aio-local")

    async def serve() -> None:
        async with AsyncClient(service.url, local=True, prefix="model=q,task=aio-local") as client:
            assert await asyncio.to_thread(client.wait_ready, 30)
            one, played = client.generation(where), Played(96, knows_at=64)
            one.arm = "treated"
            assert await client.run(one, played.agenerate, played.aprobe) == "right"
            assert (one.stopped, client.counters.calls) == (True, 0)

    asyncio.run(serve())
