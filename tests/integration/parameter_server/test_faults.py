"""SIGKILL of a worker, a shard, a pair or the driver: the run ends with the bits of one without faults."""

from __future__ import annotations

import logging
import os
import random
import signal
import threading

import psutil
import pytest
import ray as ray_module

from stagecraft.errors import JobFailedError
from stagecraft.jobs.ray_session import ray_session
from stagecraft.parameter_server import train as train_module
from stagecraft.parameter_server.models import DeepFM
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.stages.ps_train import PSTrain
from stagecraft.tracking.writer import Tracker

pytestmark = pytest.mark.ray

STAGE = PSTrain(label="late", epochs=3, optimizer=FTRL(alpha=0.3), batch_rows=128, checkpoint_seconds=0.0)


class Assassin(Tracker):
    """Kills an actor at given rounds: round → the actor's class."""

    def __init__(self, victims):
        super().__init__(None, "")
        self.victims, self.rounds = dict(victims), 0

    def log(self, step, **values):
        self.rounds += 1
        if victim := self.victims.pop(self.rounds, None):
            kill(victim)


def actors(kind):
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if title(process).startswith(f"ray::{kind}")
    ]


def title(process):
    try:
        return "".join(process.cmdline()[:1])
    except psutil.Error:  # It has ended meanwhile; other tests' children may have, too.
        return ""


def kill(kind):
    victim = actors(kind)[0]
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait(10)


@pytest.fixture(scope="module", autouse=True)
def ray():
    with ray_session(num_cpus=5) as scratch:
        yield scratch


def weights(bench, world, stage=STAGE):
    return stage.run(bench, dataset=world.train)["model"].chain.transforms[-1].table.dense().tobytes()


@pytest.fixture(scope="module")
def expected(world):
    return weights(world.bench(), world)


def test_a_worker_and_a_pair_are_killed_while_the_model_grows(world, expected, caplog):
    caplog.set_level(logging.INFO)
    stage = STAGE.model_copy(update={"dimension": "growing", "shards": 1})
    assert weights(world.bench(Assassin({2: "Worker", 4: "Pair"})), world, stage) == expected
    assert caplog.text.count("an actor was lost") == 2
    assert caplog.text.count("going on from the checkpoint") == 2


def test_nodes_of_one_core_have_an_actor_for_each_worker_and_shard(world, expected, monkeypatch):
    monkeypatch.setattr(ray_module, "nodes", lambda: [{"Alive": True, "Resources": {"CPU": 1.0}}])
    assert weights(world.bench(Assassin({2: "Worker", 3: "Shard"})), world) == expected


def test_a_network_comes_back_with_the_table(world, caplog):
    pytest.importorskip("torch", reason="the package torch is not installed")
    caplog.set_level(logging.INFO)
    model = DeepFM(factors=4, hidden=[16, 8], dropout=0.2)
    stage = STAGE.model_copy(update={"model": model, "epochs": 2})
    undisturbed = weights(world.bench(), world, stage)
    assert weights(world.bench(Assassin({2: "Pair", 3: "Pair"})), world, stage) == undisturbed
    assert caplog.text.count("going on from the checkpoint") == 2


def test_a_shard_is_killed_before_the_first_checkpoint(world, expected):
    stage = STAGE.model_copy(update={"checkpoint_seconds": 1e6, "shards": 3})
    assert weights(world.bench(Assassin({3: "Shard"})), world, stage) == expected


def test_killed_at_a_random_moment(world, expected):
    moment = random.Random(7).uniform(0, 0.4)

    class Starter(Tracker):
        def log(self, step, **values):
            if timer.ident is None:
                timer.start()

    def later():
        if actors("Pair"):
            kill("Pair")

    timer = threading.Timer(moment, later)
    assert weights(world.bench(Starter(None, "")), world) == expected
    timer.join()


def test_gives_up_where_actors_are_lost_again_and_again(world, monkeypatch):
    monkeypatch.setattr(train_module, "RECOVERIES", 1)
    stage = STAGE.model_copy(update={"checkpoint_seconds": 1e6})
    with pytest.raises(JobFailedError, match="lost 2 times without a checkpoint"):
        weights(world.bench(Assassin({1: "Pair", 2: "Pair", 3: "Pair"})), world, stage)


def test_the_driver_is_killed_and_the_retry_resumes(world, expected, caplog):
    caplog.set_level(logging.INFO)
    bench = world.bench()
    family = world.killed_at_checkpoint(bench, STAGE)
    assert weights(bench, world) == expected
    assert "going on from the checkpoint" in caplog.text
    gone, alive = psutil.wait_procs(family, timeout=60)
    assert gone
    assert not alive, f"left behind: {[process.name() for process in alive]}"
