"""Loading row groups ahead of their use, in a thread."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagecraft.parameter_server.rows import Rows

AHEAD = 2
"""Row groups that are loaded before they are asked for."""


class Prefetcher:
    """A bounded cache that one thread fills: with what is asked for, and with what is expected next.

    :param load: loads a row group; called in that thread alone
    :param cache_bytes: memory for row groups that were asked for, if it holds them all; else the latest stay
    :param latest: how many stay then: one for each thread that asks
    """

    def __init__(self, load: Callable[[int], Rows], cache_bytes: int, latest: int = 1) -> None:
        self._load, self._cache_bytes, self._latest = load, cache_bytes, latest
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rows")
        self._lock = Lock()
        self._loaded: OrderedDict[int, Future[Rows]] = OrderedDict()
        self._expected: deque[int] = deque()
        self._unread: set[int] = set()

    def expect(self, groups: Sequence[int]) -> None:
        """Load these next, :data:`AHEAD` of them before they are asked for; forget what was expected."""
        with self._lock:
            self._expected = deque(dict.fromkeys(groups))
            self._unread &= set(groups)
            self._advance()

    def get(self, group: int) -> Rows:
        """Return a row group, as soon as it is loaded."""
        with self._lock:
            future = self._loaded.get(group) or self._submit(group)
            self._loaded.move_to_end(group)
            self._unread.discard(group)
            self._advance()
        try:
            rows = future.result()
        except BaseException:
            with self._lock:
                self._loaded.pop(group, None)
            raise
        with self._lock:
            self._evict()
        return rows

    def _submit(self, group: int) -> Future[Rows]:
        future = self._loaded[group] = self._thread.submit(self._load, group)
        return future

    def _advance(self) -> None:
        while self._expected and len(self._unread) < AHEAD:
            group = self._expected.popleft()
            if group not in self._loaded:
                self._submit(group)
                self._unread.add(group)

    def _evict(self) -> None:
        """Give up the groups that were used longest ago, but none that is loading or yet to be read."""
        kept = {
            group: future.result().bytes
            for group, future in self._loaded.items()
            if future.done() and not future.exception() and group not in self._unread
        }
        total = sum(kept.values())
        if total > self._cache_bytes:
            # An epoch comes back to a group after all others. Where some have to go, the rest seldom helps,
            # and memory that is used again at once costs nothing to take.
            self._cache_bytes = 0
        for group in list(kept)[: -self._latest]:
            if total <= self._cache_bytes:
                break
            del self._loaded[group]
            total -= kept[group]
