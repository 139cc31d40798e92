"""Writing the live record of a running stage."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from stagecraft.errors import InvalidInputError
from stagecraft.tracking.event import Event, Record
from stagecraft.tracking.sink import open_sink

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.tracking.sink import Sink


class Tracker:
    """Writes events and records of a running stage into its folder in the store.

    Any number of trackers, in any number of processes, write into one folder. A tracker can be pickled
    (into a Ray actor, say): the copy writes a file of its own. Names that Airflow's tab knows: ``loss``,
    ``auc``, ``rows_per_second``, ``progress`` (0 … 1); any other name gets a chart too.

    :param store: where the events go
    :param folder: relative to the store's root, as :func:`~stagecraft.tracking.folder.tracking_folder` says

    >>> import tempfile
    >>> from stagecraft.artifacts.store import Store
    >>> from stagecraft.tracking.reader import read_events
    >>> store = Store(tempfile.mkdtemp())
    >>> with Tracker(store, "tracking/example") as tracker:
    ...     tracker.log(1, loss=0.5, progress=0.1)
    >>> [(event.name, event.value) for event in read_events(store, "tracking/example").events]
    [('loss', 0.5), ('progress', 0.1)]
    """

    def __init__(self, store: Store | None, folder: str, prefix: str = "") -> None:
        self._store, self._folder, self._prefix = store, folder, prefix
        self._sink: Sink | None = open_sink(store, folder) if store is not None else None

    @classmethod
    def nowhere(cls) -> Tracker:
        """Return a tracker that drops every event, for notebooks and tests."""
        return cls(None, "")

    @property
    def writes(self) -> bool:
        """Whether it keeps what it is told."""
        return self._sink is not None

    def log(self, step: int, **values: float) -> None:
        """Write one event a value, all of them with this step and the present time.

        Costs some microseconds; call it some times a second, not once a row.

        :param step: what the caller counts: rounds, epochs, batches, rows
        :param values: name → number; NaN and infinities are kept
        :raises InvalidInputError: a value is no number
        :raises UnwritableStoreError: a local store refuses the write
        """
        if self._sink is None:
            return
        now = round(time.time(), 3)
        lines = []
        for name, value in values.items():
            try:
                lines.append(Event(int(step), self._prefix + name, float(value), now).line())
            except (TypeError, ValueError) as error:
                raise InvalidInputError(
                    f"tracking.{name}", f"step {step!r}, value {value!r}", "numbers"
                ) from error
        self._sink.write(b"".join(lines))

    def record(self, name: str, data: Mapping[str, Any]) -> None:
        """Write what no single number says.

        :param name: what it is; the reader has it with this tracker's scope before it
        :param data: JSON-able, without NaN and infinities, some kilobytes at most
        :raises InvalidInputError: JSON cannot say the data
        :raises UnwritableStoreError: a local store refuses the write
        """
        if self._sink is None:
            return
        try:
            line = Record(self._prefix + name, dict(data), round(time.time(), 3)).line()
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"tracking.{name}", f"{data!r} ({error})", "finite numbers, texts, lists and mappings"
            ) from error
        self._sink.write(line)

    def scoped(self, scope: str) -> Tracker:
        """Return a tracker whose names start with ``scope/``; it shares this one's file.

        >>> Tracker.nowhere().scoped("trial-003").log(1, loss=0.5)  # the name is "trial-003/loss"
        """
        scoped = Tracker(None, self._folder, f"{self._prefix}{scope}/")
        scoped._store, scoped._sink = self._store, self._sink
        return scoped

    def flush(self) -> None:
        """Hand on what waits; on a local store nothing ever does.

        :raises UnwritableStoreError: the store refuses
        """
        if self._sink is not None:
            self._sink.flush()

    def close(self) -> None:
        """Write what waits and close the file.

        :raises UnwritableStoreError: the store refuses
        """
        if self._sink is not None:
            self._sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._store, self._folder, self._prefix)
