"""Training in place in this process alone, without a Ray: the same bits as an actor's."""

from __future__ import annotations

import logging

import psutil
import pyarrow as pa
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.jobs.ray_session import connected, ray_session
from stagecraft.parameter_server.consistency import Async
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.stages.ps_train import PSTrain

pytestmark = pytest.mark.ray

STAGE = PSTrain(
    label="late", epochs=3, optimizer=FTRL(alpha=0.3), workers=1, shards=0, checkpoint_seconds=0.0
)


def trained(world, stage, bench=None):
    return stage.run(bench or world.bench(), dataset=world.train)["model"]


def weights(model):
    return model.chain.transforms[-1].weights.tobytes()


def command(process):
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # It has ended, as one may that waits for its parent to notice.
        return ""


@pytest.fixture(scope="module")
def alone(world):
    assert not connected()
    model = trained(world, STAGE)
    assert not connected()
    return model


def test_an_actor_on_a_ray_of_few_processes_gives_the_same_bits(world, alone):
    with ray_session(num_cpus=1):
        assert weights(trained(world, STAGE)) == weights(alone)
        started = " ".join(map(command, psutil.Process().children(recursive=True)))
    assert "raylet" in started
    assert not [name for name in ("monitor.py", "dashboard.py") if name in started]


def test_threads_learn_as_much_together(world, alone):
    together = trained(world, STAGE.model_copy(update={"workers": 2, "consistency": Async()}))
    assert abs(together.meta["epochs"][-1]["loss"] - alone.meta["epochs"][-1]["loss"]) < 0.01


def test_killed_it_goes_on_from_its_checkpoint(world, alone, caplog):
    caplog.set_level(logging.INFO)
    bench = world.bench()
    assert not world.killed_at_checkpoint(bench, STAGE), "it started other processes"
    assert weights(trained(world, STAGE, bench)) == weights(alone)
    assert "going on from the checkpoint" in caplog.text


def test_a_refused_row_is_named(world):
    encoded = world.encoded("7").table().to_batches()[0]
    tail = encoded.schema.get_field_index("tail")
    slots = encoded["tail"].to_numpy().copy()
    slots[4] = 1024
    dataset = world.put(
        world.store,
        "8",
        pa.Table.from_batches([encoded.set_column(tail, "tail", pa.array(slots))]),
        model=world.encoder,
    )
    with pytest.raises(InvalidInputError, match="row group 0, row 4: column 'tail' holds 1024"):
        STAGE.run(world.bench(), dataset=dataset)
