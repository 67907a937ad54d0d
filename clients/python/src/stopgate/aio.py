"""The client for event loops."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType

from ._lane import Lane
from .base_client import BaseClient
from .errors import ClientGone
from .generation import Generation, Probe


class AsyncClient(BaseClient):
    """Asks a stopgate service whether to stop, from any number of event loops. See `BaseClient` for its options.

    Checks that tasks of a loop make at the same time go into one call.
    """

    def after_fork(self) -> None:
        """The loops of a child have connections of their own."""
        self._lanes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Lane] = weakref.WeakKeyDictionary()

    async def check(self, generations: Iterable[Generation]) -> list[Generation]:
        """Asks about the generations just observed, and never raises but when the task is cancelled.

        Returns:
            The generations to stop: close the thought and answer.
        """
        asked, session = list(generations), self._session
        if session.local is not None:
            session.decide_locally(asked, session.local)
        elif asked:
            await self._lane().ask(asked)
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
        """Runs one generation to its end, which may come early, and reports it. See `Client.run()`.

        Args:
            gone: exceptions that mean that the client went away. Add asyncio.CancelledError where the server cancels a
                handler for that reason alone: what it cancels for reasons of its own is not cancelled in this sense.
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
        """As `close()`, without blocking the loop, and closes the loop's connections."""
        lane = self._lanes.pop(asyncio.get_running_loop(), None)
        if lane is not None:
            lane.close()
        return await asyncio.to_thread(self.close, timeout)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    def _lane(self) -> Lane:
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(loop)
        if lane is None:
            for known in self._lanes.keyrefs():
                ended = known()
                if ended is not None and ended.is_closed():  # its lane would keep it and the sockets alive
                    self._lanes.pop(ended, None)
            lane = self._lanes[loop] = Lane(self._session)
        return lane
