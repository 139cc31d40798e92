"""Our chain: sample, fill and scale, index and hash; one session, every stage's output committed.

Run as ``python chain.py ENGINE SOURCE STORE [apart]``: it is what a job of such steps does.
"""

from __future__ import annotations

import sys
from typing import Any

from wide_rows import CATEGORICAL, NUMERIC

from stagecraft.artifacts.artifact import Artifact
from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Hash, Index, Standardize
from stagecraft.stages.sample import StratifiedSample
from stagecraft.tracking.writer import Tracker

BITS = 12


def run_chain(engine: str, source: Artifact, store: Store, *, apart: bool = False) -> None:
    """Sample, then encode.

    :param apart: whether numbers and categories are encoded by a stage each, so that there is one more commit
    """
    numbers: dict[Any, Any] = {tuple(NUMERIC): Fill("median") | Standardize()}
    slots: dict[Any, Any] = {tuple(CATEGORICAL[:4]): Index(), tuple(CATEGORICAL[4:]): Hash(bits=BITS)}
    stages: list[Stage] = [StratifiedSample(strata="label", key="id", fraction=0.5)]
    stages += [EncodeColumns(columns=each) for each in ([numbers, slots] if apart else [numbers | slots])]
    with open_engine(engine) as opened:
        bench = Workbench(opened, store, Tracker.nowhere())
        dataset = source
        for stage in stages:
            dataset = stage.run(bench, dataset=dataset)["dataset"]


if __name__ == "__main__":
    engine, source, store, *apart = sys.argv[1:]
    run_chain(engine, Artifact.load(source), Store(store), apart=bool(apart))
