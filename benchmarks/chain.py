"""Our chain: sample, fill and scale, index and hash; three stages, one session, every output committed.

Run as ``python chain.py ENGINE SOURCE STORE``: it is what a job of three steps does.
"""

from __future__ import annotations

import sys

from wide_rows import CATEGORICAL, NUMERIC

from stagecraft.artifacts.artifact import Artifact
from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Hash, Index, Standardize
from stagecraft.stages.sample import StratifiedSample
from stagecraft.tracking.writer import Tracker

BITS = 12


def run_chain(engine: str, source: Artifact, store: Store) -> dict[str, Artifact]:
    """Run the three stages; return what they committed."""
    with open_engine(engine) as opened:
        bench = Workbench(opened, store, Tracker.nowhere())
        sample = StratifiedSample(strata="label", key="id", fraction=0.5)
        scale = EncodeColumns(columns={tuple(NUMERIC): Fill("median") | Standardize()})
        slots = EncodeColumns(
            columns={tuple(CATEGORICAL[:4]): Index(), tuple(CATEGORICAL[4:]): Hash(bits=BITS)}
        )
        sampled = sample.run(bench, dataset=source)["dataset"]
        scaled = scale.run(bench, dataset=sampled)["dataset"]
        slotted = slots.run(bench, dataset=scaled)
        return {"sample": sampled, "scaled": scaled, "slotted": slotted["dataset"], "model": slotted["model"]}


if __name__ == "__main__":
    engine, source, store = sys.argv[1:]
    run_chain(engine, Artifact.load(source), Store(store))
