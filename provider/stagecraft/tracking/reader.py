"""Reading the live record of a running stage."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from stagecraft.errors import InvalidInputError
from stagecraft.tracking.event import Event, Record, parse

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store

log = logging.getLogger(__name__)

FILE = re.compile(r"(?P<writer>\w+)\.(?P<segment>\d+)\.jsonl")
CURSOR = re.compile(r"(\w+)\.(\d+)\.(\d+)")


class Page(NamedTuple):
    """Events and records in the order of their time, and where to read on.

    :param cursor: give it as ``after`` to read what was written since
    :param complete: whether nothing was left for the limit's sake
    """

    events: list[Event]
    records: list[Record]
    cursor: str
    complete: bool


def read_events(store: Store, folder: str, after: str | None = None, limit: int | None = None) -> Page:
    """Read the events and records in a folder, or those written since an earlier call.

    A poll costs one listing, and reads only what is new. A last line that its writer has not ended yet is
    left for a later call.

    :param folder: relative to the store's root; one that does not exist has no events
    :param after: the cursor of an earlier page
    :param limit: read at most about so many bytes
    :raises InvalidInputError: the cursor is not one of ours

    >>> from stagecraft.artifacts.store import Store
    >>> read_events(Store("/tmp"), "tracking/none")
    Page(events=[], records=[], cursor='', complete=True)
    """
    position = _position(after or "")
    root = store.strip(store.uri(folder))
    found: list[Event | Record] = []
    left = limit
    complete = True
    for writer, segment, size in _files(store, root):
        at, offset = position.get(writer, (0, 0))
        start = offset if segment == at else 0
        if segment < at or start >= size:
            continue
        if left is not None and left <= 0:
            complete = False
            break
        end = size if left is None else min(size, start + left)
        data = store.filesystem.cat_file(f"{root}/{writer}.{segment}.jsonl", start=start, end=end)
        lines = data[: data.rfind(b"\n") + 1]
        found.extend(_parsed(lines, f"{root}/{writer}.{segment}.jsonl"))
        position[writer] = (segment, start + len(lines))
        if end < size:
            complete = False
            break
        if left is not None:
            left -= len(data)
    found.sort(key=lambda each: each.time)
    events = [each for each in found if isinstance(each, Event)]
    records = [each for each in found if isinstance(each, Record)]
    cursor = "~".join(f"{writer}.{at}.{offset}" for writer, (at, offset) in position.items())
    return Page(events, records, cursor, complete)


def _files(store: Store, root: str) -> list[tuple[str, int, int]]:
    """Return (writer, segment, bytes) of every file, a writer's segments in their order."""
    store.filesystem.invalidate_cache(root)
    try:
        found = store.filesystem.ls(root, detail=True)
    except FileNotFoundError:
        return []
    files = []
    for entry in found:
        if match := FILE.fullmatch(str(entry["name"]).rsplit("/", 1)[-1]):
            files.append((match["writer"], int(match["segment"]), int(entry["size"])))
    return sorted(files)


def _parsed(lines: bytes, path: str) -> list[Event | Record]:
    parsed: list[Event | Record] = []
    for line in lines.splitlines():
        try:
            parsed.append(parse(line))
        except ValueError as error:
            log.warning("Tracking: skipped a line of %s: %s", path, error)
    return parsed


def _position(cursor: str) -> dict[str, tuple[int, int]]:
    position = {}
    for part in cursor.split("~") if cursor else []:
        match = CURSOR.fullmatch(part)
        if match is None:
            raise InvalidInputError("tracking.after", f"the cursor {cursor[:80]!r}", "one that a page gave")
        position[match[1]] = (int(match[2]), int(match[3]))
    return position
