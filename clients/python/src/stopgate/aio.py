"""The client for event loops."""

import asyncio
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType

from ._decisions import BATCH_PATH, MAX_STEPS
from ._http import AsyncConnection
from ._session import Session
from ._telemetry import logger
from .client import BaseClient
from .errors import ClientGone
from .generation import Generation, Probe

_MAX_CALLS = 4


class Batcher:
    """Gathers the checks that tasks of one event loop make at the same time into one call.

    While four calls are under way, further checks wait and then share the next call.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: deque[tuple[list[Generation], asyncio.Future[None]]] = deque()
        self._idle: list[AsyncConnection] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._is_scheduled = False

    async def ask(self, generations: list[Generation]) -> None:
        """Returns once each of the generations has its decision, or goes on without one."""
        loop = asyncio.get_running_loop()
        for first in range(0, len(generations), MAX_STEPS):
            answered: asyncio.Future[None] = loop.create_future()
            self._waiting.append((generations[first : first + MAX_STEPS], answered))
            if not self._is_scheduled:
                self._is_scheduled = True
                loop.call_soon(self._flush)
            await answered

    def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _flush(self) -> None:
        self._is_scheduled = False
        while self._waiting and len(self._calls) < _MAX_CALLS:
            generations: list[Generation] = []
            answered: list[asyncio.Future[None]] = []
            while self._waiting and len(generations) + len(self._waiting[0][0]) <= MAX_STEPS:
                more, future = self._waiting.popleft()
                generations += more
                answered.append(future)
            call = asyncio.get_running_loop().create_task(self._answer(generations, answered))
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _ended(self, call: "asyncio.Task[None]") -> None:
        self._calls.discard(call)
        self._flush()

    async def _answer(self, generations: list[Generation], answered: "list[asyncio.Future[None]]") -> None:
        try:
            await self._call(generations)
        except Exception:  # a failed call must not fail a generation
            logger.exception("generations go on without a decision")
        finally:
            for future in answered:
                if not future.done():
                    future.set_result(None)

    async def _call(self, generations: list[Generation]) -> None:
        session = self._session
        body = session.decisions.body_of(generations)
        if body is None:
            return
        connection = self._idle.pop() if self._idle else AsyncConnection(session.endpoint)
        with session.decisions.continuing_on_failure(generations):
            session.decisions.take(
                generations, await connection.call("POST", BATCH_PATH, body, timeout=session.timeout)
            )
        self._idle.append(connection)


class AsyncClient(BaseClient):
    """Asks a stopgate service whether to stop, from any number of event loops. See `BaseClient` for its options.

    Checks that tasks of a loop make at the same time go into one call.
    """

    def after_fork(self) -> None:
        """Gives the event loops of a child their own connections."""
        self._batchers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Batcher] = weakref.WeakKeyDictionary()

    async def check(self, generations: Iterable[Generation]) -> list[Generation]:
        """Asks about the generations just observed. It raises only if the task is cancelled.

        Returns:
            The generations to stop: close the reasoning and answer.
        """
        asked, session = list(generations), self._session
        if session.local is not None:
            session.decide_locally(asked, session.local)
        elif asked:
            await self._batcher().ask(asked)
        return [one for one in asked if one.stopped]

    async def run(
        self,
        generation: Generation,
        generate: Callable[[int], Awaitable[tuple[int, bool]]],
        probe: Callable[[], Awaitable[Probe]],
        *,
        answer: Callable[[], Awaitable[str]] | None = None,
        reference: str | list[str] | None = None,
        gone: tuple[type[BaseException], ...] = (ClientGone,),
    ) -> str:
        """Runs one generation until it ends or is stopped, and reports it. See `Client.run()`.

        Args:
            gone: exceptions that mean that the client went away. Add asyncio.CancelledError only if the server cancels
                a handler for no other reason: a generation that it kills itself must not count as cancelled.
        """
        tokens, forced = 0, None
        try:
            tokens, has_ended = await generate(generation.next_check)
            while not has_ended:
                if generation.due(tokens):
                    forced = await probe()
                    if await self.check([generation.observe(tokens, forced)]):
                        break
                tokens, has_ended = await generate(generation.next_check)
            if answer is not None:
                text = await answer()
            else:
                text = (forced if forced is not None and generation.stopped else await probe()).answer or ""
        except gone:
            generation.cancel(tokens)
            raise
        return generation.finish(text, tokens=tokens, reference=reference)

    async def aclose(self, timeout: float | None = None) -> bool:
        """Like `close()`, but without blocking the loop, and also closes the connections of the loop."""
        batcher = self._batchers.pop(asyncio.get_running_loop(), None)
        if batcher is not None:
            batcher.close()
        return await asyncio.to_thread(self.close, timeout)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    def _batcher(self) -> Batcher:
        loop = asyncio.get_running_loop()
        batcher = self._batchers.get(loop)
        if batcher is None:
            for known in self._batchers.keyrefs():
                ended = known()
                if ended is not None and ended.is_closed():  # its batcher would keep the loop and its sockets alive
                    self._batchers.pop(ended, None)
            batcher = self._batchers[loop] = Batcher(self._session)
        return batcher
