"""Four models that tell attacks from normal connections, tuned on the KDD cup's training file."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xgboost
from same_on_both import kdd99
from wide_rows import commit_rows

from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.jobs.ray_session import ray_session
from stagecraft.parameter_server.local import fit
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.stages import isolation
from stagecraft.stages.base import Workbench
from stagecraft.stages.boosting import BoostingParameters, grow
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Index, Log, Standardize
from stagecraft.stages.metrics import ranking
from stagecraft.tracking.writer import Tracker
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.isolation_forest import IsolationForest
from stagecraft.transforms.leaf_encode import LeafEncode, feature_matrix
from stagecraft.transforms.linear import Linear
from stagecraft.tuning.attempt import Attempt
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.run import run_trials
from stagecraft.tuning.space import Dimension, Integer, LogUniform, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "kdd99"
LABEL = "attack"
PARTS = ("held out", "held out and new", "the cup's test file")


class Rows(NamedTuple):
    """:param encoded: rows, encoded
    :param attack: bool, one a row
    """

    encoded: pa.RecordBatch
    attack: np.ndarray

    @property
    def label(self) -> np.ndarray:
        return self.attack.astype(np.float32)


@dataclass(frozen=True)
class Connections:
    """The encoded parts of the cup's files; the encoding is fitted to the training part.

    :param refit: the training and the validation part together
    :param tests: rows that no trial sees, by :data:`PARTS`. Most connections occur many times: the second
        part has those alone that are not in the training part
    """

    chain: Chain
    train: Rows
    validation: Rows
    refit: Rows
    tests: dict[str, Rows]

    @classmethod
    def of(cls, folder: Path, rows: int) -> Connections:
        """Split at random: ``rows`` to train, half as many to validate, as many held out."""
        whole, numeric, categorical, _ = kdd99(folder)
        places = np.random.default_rng(0).permutation(whole.num_rows)
        cuts = [0, rows, rows * 3 // 2, rows * 5 // 2]
        train, validation, held_out = (whole.take(places[begin:end]) for begin, end in pairwise(cuts))
        with tempfile.TemporaryDirectory() as name, open_engine("duckdb") as engine:
            store = Store(name)
            steps: Any = {tuple(numeric): Log() | Standardize(), tuple(categorical): Index()}
            bench = Workbench(engine, store, Tracker.nowhere())
            made = EncodeColumns(columns=steps).run(bench, dataset=commit_rows(store, "kdd99", train))
            model = store.open(made["dataset"].model or "")
            assert isinstance(model, Model)
            chain = model.chain

        def encoded(table: pa.Table) -> Rows:
            batch = table.combine_chunks().to_batches()[0]
            raw = batch.select(chain.input_columns())
            return Rows(chain.apply(raw).select(chain.layout.columns), batch[LABEL].to_numpy() > 0)

        file = pq.read_table(folder / "test.parquet")
        cup = file.append_column(LABEL, pc.cast(pc.not_equal(file["label"], "normal"), "int32"))
        known = set(_texts(train))
        new = held_out.filter(pa.array([text not in known for text in _texts(held_out)]))
        return cls(
            chain,
            encoded(train),
            encoded(validation),
            encoded(pa.concat_tables([train, validation])),
            dict(zip(PARTS, map(encoded, (held_out, new, cup)), strict=True)),
        )


Scorer = Callable[[pa.RecordBatch], np.ndarray]
"""Scores encoded rows: float64, an attack from 0.5 on."""


@dataclass(frozen=True)
class Trainer:
    """One model to tune.

    :param space: its parameters
    """

    chain: Chain
    space: dict[str, Dimension]

    def fitted(self, parameters: dict[str, Any], rows: Rows) -> Scorer:
        raise NotImplementedError

    @cached_property
    def columns(self) -> list[str]:
        return self.chain.layout.columns

    def linear(
        self, chain: Chain, rows: pa.RecordBatch, label: np.ndarray, alpha: float, l1: float
    ) -> Linear:
        """Fit a logistic regression to rows that a chain has encoded."""
        layout = chain.layout
        optimizer = FTRL(alpha=alpha, l1=l1)
        weights = fit(layout.csr(rows), label, dimension=layout.dimension, optimizer=optimizer, epochs=3)
        return Linear.of(layout, weights)


class Forest(Trainer):
    """An isolation forest over normal connections: attacks are most of the file, and no anomalies in it."""

    def fitted(self, parameters: dict[str, Any], rows: Rows) -> Scorer:
        normal = feature_matrix(rows.encoded.filter(pa.array(~rows.attack)), self.columns, "float64")
        size = parameters["sample_size"]
        grown = isolation.grow(normal, trees=parameters["trees"], sample_size=size, seed=0)
        forest = IsolationForest.of(grown, self.columns, size)

        def scores(batch: pa.RecordBatch) -> np.ndarray:
            found: np.ndarray = forest.apply(batch)["score"].to_numpy()
            return found

        own = scores(rows.encoded.filter(pa.array(~rows.attack)))
        threshold = np.quantile(own, 1 - parameters["contamination"])
        return lambda batch: np.clip(scores(batch) - threshold + 0.5, 0, 1)


class LogisticRegression(Trainer):
    def fitted(self, parameters: dict[str, Any], rows: Rows) -> Scorer:
        model = self.linear(self.chain, rows.encoded, rows.label, **parameters)
        return model.means


class TreesAndRegression(Trainer):
    """GBDT encoding: a logistic regression over the columns and the leaves of the trees."""

    def fitted(self, parameters: dict[str, Any], rows: Rows) -> Scorer:
        given = dict(parameters)
        alpha = given.pop("alpha")
        features = feature_matrix(rows.encoded, self.columns)
        _, trees = grow(features, rows.label, None, BoostingParameters(**given), threads=1)
        leaves = LeafEncode.of(trees, self.columns)
        model = self.linear(self.chain.then(leaves), leaves.apply(rows.encoded), rows.label, alpha, l1=0.0)
        return lambda batch: model.means(leaves.apply(batch))


class XGBoost(Trainer):
    def fitted(self, parameters: dict[str, Any], rows: Rows) -> Scorer:
        given = dict(parameters)
        rounds = given.pop("rounds")
        fixed = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "seed": 0}
        matrix = xgboost.QuantileDMatrix(feature_matrix(rows.encoded, self.columns), rows.label, nthread=1)
        model = xgboost.train(given | fixed, matrix, rounds)
        return lambda batch: model.inplace_predict(feature_matrix(batch, self.columns)).astype(np.float64)


TREES: dict[str, Dimension] = {
    "rounds": Integer(10, 60),
    "depth": Integer(2, 8),
    "learning_rate": LogUniform(0.05, 0.5),
    "subsample": Uniform(0.5, 1),
}
MODELS: dict[str, Callable[[Chain], Trainer]] = {
    "isolation forest": lambda chain: Forest(
        chain,
        {
            "trees": Integer(20, 100),
            "sample_size": Integer(64, 2048, log=True),
            "contamination": LogUniform(0.005, 0.3),
        },
    ),
    "logistic regression": lambda chain: LogisticRegression(
        chain, {"alpha": LogUniform(0.003, 1), "l1": LogUniform(0.01, 10)}
    ),
    "GBDT": lambda chain: TreesAndRegression(chain, {**TREES, "alpha": LogUniform(0.003, 1)}),
    "XGBoost": lambda chain: XGBoost(
        chain,
        {
            "rounds": Integer(20, 200, log=True),
            "max_depth": Integer(2, 8),
            "learning_rate": LogUniform(0.05, 0.5),
            "min_child_weight": LogUniform(0.5, 16),
            "subsample": Uniform(0.5, 1),
        },
    ),
}


class Tuned(NamedTuple):
    """What came of tuning a model.

    :param seconds: CPU, of a usual trial
    :param first: the validation accuracy of the first trial, which is drawn at random
    :param best: that of the best trial
    :param parts: what the best, fitted once more to training and validation rows, is worth on the tests
    """

    seconds: float
    first: float
    best: float
    parts: dict[str, dict[str, float]]


def tuned(folder: Path, rows: int, trials: int) -> dict[str, Tuned]:
    """Tune each model by its validation accuracy."""
    connections = Connections.of(folder, rows)
    with ray_session(num_cpus=2):
        return {name: _tuned(make(connections.chain), connections, trials) for name, make in MODELS.items()}


def _tuned(trainer: Trainer, connections: Connections, trials: int) -> Tuned:
    train, validation = connections.train, connections.validation

    def objective(parameters: dict[str, Any], attempt: Attempt) -> dict[str, float]:
        return judged(trainer.fitted(parameters, train), validation)

    spec = StudySpec(space=trainer.space, objectives={"accuracy": "maximize"}, concurrency=2)
    with tempfile.TemporaryDirectory() as name:
        study = Study(Store(name), "studies/kdd99", spec)
        best = run_trials(study, objective, budget=Budget(trials=trials))
    scorer = trainer.fitted(best.parameters, connections.refit)
    return Tuned(
        statistics.median(trial.cpu for trial in study.settled),
        study.trials[0].metrics["accuracy"],
        best.metrics["accuracy"],
        {part: judged(scorer, test) for part, test in connections.tests.items()},
    )


def judged(scorer: Scorer, rows: Rows) -> dict[str, float]:
    """Return accuracy, recall (of attacks), precision and AUC."""
    scores = scorer(rows.encoded)
    found = scores >= 0.5
    hits = int((found & rows.attack).sum())
    return {
        "accuracy": float((found == rows.attack).mean()),
        "recall": hits / int(rows.attack.sum()),
        "precision": hits / max(int(found.sum()), 1),
        "auc": ranking(rows.attack, scores)["auc"],
    }


def _texts(table: pa.Table) -> list[str]:
    """Return each row as a text."""
    columns = [pc.cast(column, "string") for column in table.columns]
    texts: list[str] = pc.binary_join_element_wise(*columns, "|").to_pylist()
    return texts
