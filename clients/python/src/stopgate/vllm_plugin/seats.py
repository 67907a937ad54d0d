"""Seats of the engine: the requests that it runs at once, of which some stay free for probes while others wait."""

import asyncio
import heapq
import mmap
import os
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import ceil, exp
from pathlib import Path
from typing import NamedTuple

SHARE = 1 / 8
"""Share of the seats that probes may claim while requests wait. Checks are eight times the tokens of a probe apart."""
_PROBE_SHARE = 1 / 4
"""Share that probes may take while no request waits."""
_NEED_SECONDS = 2.0
"""Time over which the need of probes is averaged."""
_POLL_SECONDS = 0.01


class Taken(NamedTuple):
    """What the requests of a process, or of all of them, take."""

    running: int = 0
    probing: int = 0
    waiting: int = 0


class Board:
    """What each API server of an engine takes, where all of them can read it.

    Args:
        rank: of this server.
        count: number of servers.
        name: one for all servers of an engine.
    """

    _SLOT = struct.Struct("=3i")

    def __init__(self, rank: int, count: int, name: str | None = None) -> None:
        self._rank, self.count = rank, count
        path = Path(tempfile.gettempdir(), name or f"stopgate-seats-{os.getuid()}-{os.getppid()}")
        size = self._SLOT.size * count
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.ftruncate(handle, size)
            self._memory = mmap.mmap(handle, size)
        finally:
            os.close(handle)
        self.write(Taken())

    def write(self, taken: Taken) -> None:
        """States what this server takes."""
        self._SLOT.pack_into(self._memory, self._SLOT.size * self._rank, *taken)

    def others(self) -> Taken:
        """What the others take."""
        rows = [row for rank, row in enumerate(self._rows()) if rank != self._rank]
        return Taken(*map(sum, zip(*rows, strict=True)))

    def _rows(self) -> Iterator[tuple[int, ...]]:
        return self._SLOT.iter_unpack(self._memory[:])


class _Claim(NamedTuple):
    """A request or a probe that waits. Those with a smaller `order` come first, then those that came first."""

    order: int
    number: int
    granted: "asyncio.Future[None]"
    seats: int


class Seats:
    """Admits requests and probes to the engine.

    While all find a seat, requests enter at once. Once one has to wait, requests enter in their order, and as many
    seats stay free as probes have needed of late, up to a share of all. Without them probes would queue behind all
    waiting requests, and come when the reasoning has long ended.

    Args:
        total: requests that the engine runs at once; None: not known, so that nothing waits here.
        share: of the seats that probes may claim; 0: requests never wait here.
        board: of several API servers.
        clock: in seconds.
    """

    def __init__(
        self, total: int | None, share: float = SHARE, board: Board | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.total, self._board, self._clock = total, board, clock
        claimed = 0 if total is None or share == 0 else max(1, round(total * share))
        self.reserve = claimed if total is None else min(claimed, total - 1)
        """Most seats that are kept free."""
        self.most_probes = max(1, self.reserve, 0 if total is None else int(total * _PROBE_SHARE))
        self._running = self._probing = self._number = 0
        self._requests: list[_Claim] = []
        self._probes: list[_Claim] = []
        self._need, self._noted_at = 0.0, clock()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def taken(self) -> Taken:
        """What this process takes."""
        return Taken(self._running, self._probing, len(self._requests))

    @property
    def waiting(self) -> int:
        """Requests of all processes that wait here."""
        return len(self._requests) + self._others().waiting

    @property
    def is_full(self) -> bool:
        """Whether so many probes wait that a generation that begins now could not be checked."""
        return self.total is not None and len(self._probes) >= self.total

    async def enter(self, order: int = 0, seats: int = 1) -> None:
        """Waits until a request may enter, which is when one seat is free. Call `leave` at its end.

        Args:
            order: priority; smaller ones come first.
            seats: that it takes, one for each of its samples.
        """
        if self.reserve == 0 or (not self._requests and self._has_seat(0)):
            self._running += seats
            self._note()
            return
        await self._wait(self._requests, order, self.leave, seats)

    def leave(self, seats: int = 1) -> None:
        """Frees the seats of a request."""
        self._running -= seats
        self._note()
        self._admit()

    async def enter_probe(self, is_control: bool) -> None:
        """Waits for the seat of a probe: those of control generations, which are evidence, come first."""
        if not self._probes and self._has_probe_seat():
            self._probing += 1
            self._note()
            return
        await self._wait(self._probes, 0 if is_control else 1, self.leave_probe, 1)

    def leave_probe(self, seats: int = 1) -> None:
        """Frees the seat of a probe."""
        self._probing -= seats
        self._note()
        self._admit()

    async def _wait(self, queue: list[_Claim], order: int, leave: Callable[[int], None], seats: int) -> None:
        self._number += 1
        claim = _Claim(order, self._number, asyncio.get_running_loop().create_future(), seats)
        heapq.heappush(queue, claim)
        self._note()
        self._admit()
        try:
            await claim.granted
        except BaseException:
            if claim.granted.done() and not claim.granted.cancelled():
                leave(seats)
            else:
                with suppress(ValueError):
                    queue.remove(claim)
                    heapq.heapify(queue)
                self._note()
            raise

    def _others(self) -> Taken:
        return Taken() if self._board is None else self._board.others()

    def _has_seat(self, kept: int) -> bool:
        """Whether a request finds a seat.

        Args:
            kept: seats that are kept free.
        """
        others = self._others()
        probing = self._probing + others.probing
        return self.total is None or self._running + others.running + max(probing, kept) < self.total

    def _has_probe_seat(self) -> bool:
        others = self._others()
        is_queue = self.reserve > 0 and bool(self._requests or others.waiting)
        return self._probing + others.probing < (self.reserve if is_queue else self.most_probes)

    def _admit(self) -> None:
        """Admits those that wait, probes first."""
        while self._probes and self._has_probe_seat():
            self._probing += self._grant(self._probes)
            self._note()
        while self._requests and self._has_seat(self._kept()):
            self._running += self._grant(self._requests)
            self._note()
        if self._board is not None and self._timer is None and (self._requests or self._probes):
            self._timer = asyncio.get_running_loop().call_later(_POLL_SECONDS, self._poll)

    def _poll(self) -> None:
        """Looks again, since another process may have freed a seat."""
        self._timer = None
        self._admit()

    @staticmethod
    def _grant(queue: list[_Claim]) -> int:
        """Admits the first one. Returns the seats that it takes: none if it has been given up."""
        claim = heapq.heappop(queue)
        if claim.granted.done():
            return 0
        claim.granted.set_result(None)
        return claim.seats

    def _kept(self) -> int:
        """Seats that are kept free: as many as probes have needed of late."""
        self._note()
        return min(self.reserve, ceil(self._need - 0.1))

    def _note(self) -> None:
        now = self._clock()
        weight = 1 - exp(-max(0.0, now - self._noted_at) / _NEED_SECONDS)
        self._need += weight * (self._probing + len(self._probes) - self._need)
        self._noted_at = now
        if self._board is not None:
            self._board.write(self.taken)
