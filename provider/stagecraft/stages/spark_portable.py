"""Models of Spark ML as chains of transforms, which batch prediction and servers run without Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stagecraft.artifacts.model import fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.raw_rows import RawRows
from stagecraft.stages.spark_features import Features
from stagecraft.stages.spark_model import FOLDER, PROBABILITY, SCORE, SparkModel, encoder_of, save
from stagecraft.transforms.centres import Centres
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding
from stagecraft.transforms.factorization import FactorizationMachine
from stagecraft.transforms.leaf_encode import feature_matrix
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.predictor import Link
from stagecraft.transforms.softmax import Softmax
from stagecraft.transforms.tree_ensemble import Subset, TreeEnsemble
from stagecraft.transforms.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.spark import SparkEngine

TOLERANCE = 1e-6
"""How far the chain's scores may lie from Spark's, as a part of theirs where they are above 1."""
NODE = {
    "tree": "int32",
    "node": "int32",
    "feature": "int32",
    "threshold": "float64",
    "default_left": "bool",
    "left": "int32",
    "right": "int32",
    "leaf": "int32",
}
"""The trees' details besides their leaves' values."""
ALONE = ("bisecting_kmeans", "gaussian_mixture")
"""The algorithms of which there is no chain."""


def fill_spark_model(
    draft: Draft,
    engine: SparkEngine,
    fitted: Any,
    session: Any,
    model: SparkModel,
    dataset: Dataset,
    **meta: Any,
) -> None:
    """Write a fitted model into a draft of a Model: as Spark saves it; and as a chain, where there is one.

    The chain's golden rows have Spark's own scores.
    """
    save(draft, fitted, session)
    found = encoder_of(draft.store, dataset) if model.encoder else None
    encoder = found.chain if found else Chain(())
    made = encoder.layout.columns
    plain = {name: dataset.columns[name] for name in model.features.columns if name not in made}
    draft.meta.update(
        meta,
        spark=model.model_dump(mode="json"),
        input={**(found.meta["input"] if found else {}), **plain},
    )
    if model.algorithm.type in ALONE:
        return
    chain = portable(draft, fitted, model, encoder)
    own = RawRows.of(dataset, list(plain))
    raw = RawRows.kept_by(found).beside(own) if found and plain else RawRows.kept_by(found) if found else own
    golden = _whole(raw.golden, model, chain)
    scores = golden_scores(engine, fitted, model, chain, golden)
    if model.algorithm.type == "kmeans":
        meta["labels"] = list(range(len(fitted.clusterCenters())))
    fill_model(draft, chain, golden, scores, raw.reference, **meta)


def portable(draft: Draft, fitted: Any, model: SparkModel, encoder: Chain) -> Chain:
    """Return a fitted model as a chain over raw rows, which gives Spark's scores.

    A missing number counts as 0, and goes right in trees; Spark itself takes none.

    :param draft: where Spark has saved the model
    :param fitted: the model of Spark ML
    :param encoder: what encodes raw rows for it; empty where its features are raw columns
    """
    layout = model.features.layout
    made = encoder.layout.columns
    plain = [NumericEncoding(column=name, maps=[]) for name in layout.columns if name not in made]
    if plain:  # As float32, which Spark's vectors were made of.
        encoder = encoder.then(Encode.model_validate({"encodings": plain}))
    return encoder.then(_predictor(draft, fitted, model, layout))


def _predictor(draft: Draft, fitted: Any, model: SparkModel, layout: Any) -> Any:
    import numpy as np

    classes = len(model.labels or ())
    link: Link = "logistic" if classes == 2 else "identity"
    match model.algorithm.type:
        case "logistic_regression" if classes > 2:
            table = np.column_stack([fitted.interceptVector.toArray(), fitted.coefficientMatrix.toArray()])
            return Softmax(layout=layout, classes=classes).holding(_weights(layout, table.T))
        case "logistic_regression" | "linear_regression":
            weights = np.concatenate([[fitted.intercept], fitted.coefficients.toArray()])
            return Linear(layout=layout, link=link).holding(_weights(layout, weights[:, None]))
        case "factorization_machine":
            factors = fitted.factors.toArray()
            linear = np.concatenate([[fitted.intercept], fitted.linear.toArray()])
            table = np.column_stack([linear, np.vstack([np.zeros(factors.shape[1]), factors])])
            machine = FactorizationMachine(layout=layout, factors=factors.shape[1], link=link)
            return machine.holding(_weights(layout, table))
        case "kmeans":
            return Centres.of(layout, np.stack(fitted.clusterCenters()), model.algorithm.distance)
        case "gbt":
            # Spark's logistic loss is of twice the margin.
            share = np.array(fitted.treeWeights) * (2 if classes == 2 else 1)
            return _ensemble(draft, model.features, share, link)
        case "random_forest":
            share = np.full(len(fitted.treeWeights), 1 / len(fitted.treeWeights))
            return _ensemble(draft, model.features, share, "identity", classes)
    raise NotImplementedError(model.algorithm.type)


def _weights(layout: Any, table: np.ndarray) -> Weights:
    import numpy as np

    return Weights(layout.dimension, np.ascontiguousarray(table, dtype=np.float64))


def _ensemble(
    draft: Draft, features: Features, share: np.ndarray, link: Link, classes: int = 0
) -> TreeEnsemble:
    """Read the trees that Spark has saved.

    :param share: what each tree's leaves are multiplied by
    :param classes: where leaves hold a count of rows for each class: how many there are
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    store = draft.store
    path = store.strip(f"{draft.uri}/{FOLDER}/data")
    saved = pq.read_table(path, filesystem=store.arrow_filesystem).to_pylist()
    saved.sort(key=lambda row: (row["treeID"], row["nodeData"]["id"]))
    subsets: dict[tuple[int, tuple[int, ...]], int] = {}
    nodes, leaves = [], 0
    for row in saved:
        tree, node = row["treeID"], row["nodeData"]
        made = {"tree": tree, "node": node["id"]}
        if node["leftChild"] < 0:
            made |= {"leaf": leaves, "values": _values(node, share[tree], classes)}
            leaves += 1
        else:
            made |= {"left": node["leftChild"], "right": node["rightChild"], "default_left": False}
            made |= _split(node["split"], features, subsets)
        nodes.append(made)
    types = {name: pa.type_for_alias(kind) for name, kind in NODE.items()}
    table = pa.Table.from_pylist(nodes, pa.schema({**types, "values": pa.list_(pa.float64())}))
    chosen = [
        Subset(column=column, size=features.layout.blocks[column].size, slots=list(slots))
        for column, slots in subsets
    ]
    several = max(classes, 2)
    ensemble = TreeEnsemble(columns=features.columns, subsets=chosen, link=link, classes=several)
    return ensemble.holding(table)


def _split(
    split: dict[str, Any], features: Features, subsets: dict[tuple[int, tuple[int, ...]], int]
) -> dict[str, Any]:
    """Return the feature and threshold of a split; one of categories makes a subset, or finds it."""
    import numpy as np

    column, values = split["featureIndex"], split["leftCategoriesOrThreshold"]
    if split["numCategories"] < 0:  # Spark goes left up to the threshold itself.
        return {"feature": column, "threshold": float(np.nextafter(values[0], np.inf))}
    number = subsets.setdefault((column, tuple(map(int, values))), len(subsets))
    return {"feature": len(features.columns) + number, "threshold": 0.5}


def _values(node: dict[str, Any], share: float, classes: int) -> list[float]:
    """Return what a leaf adds: its prediction, or of a forest's classes their parts of the leaf's rows."""
    if not classes:
        return [node["prediction"] * share]
    counts = node["impurityStats"]
    parts = [count / sum(counts) * share for count in counts]
    return parts if classes > 2 else parts[1:]


def golden_scores(
    engine: SparkEngine, fitted: Any, model: SparkModel, chain: Chain, golden: pa.Table
) -> np.ndarray | None:
    """Return Spark's own scores of raw rows, float64, rows or rows × classes; None for clusters.

    :raises InvalidInputError: the chain's differ, or its clusters
    """
    import numpy as np
    import pyarrow as pa

    batch = _batch(golden, chain)
    own = chain.predict(batch)
    columns = [chain.encoder.apply(batch).column(name) for name in model.features.columns]
    names = ["k", *(f"f{number}" for number in range(len(columns)))]
    numbered = pa.table([pa.array(np.arange(batch.num_rows)), *columns], names=names)
    relation = engine.table(numbered)
    frame = model.features.vectors(relation.frame, 1)
    key = pa.schema([relation.schema.field("k")])
    found = engine.collect(model.predictions(engine, fitted, frame, key)).sort_by("k")
    if model.algorithm.type == "kmeans":
        expected, own = found["cluster"].to_numpy(), own.argmax(axis=1)
    elif PROBABILITY in found.column_names:
        expected = np.array(found[PROBABILITY].to_pylist())
    else:
        expected = found[SCORE].to_numpy()
    if not (np.abs(own - expected) <= TOLERANCE * np.maximum(np.abs(expected), 1)).all():
        raise InvalidInputError(
            f"spark.{model.algorithm.type}",
            f"without Spark it scores up to {np.abs(own - expected).max():.3g} otherwise",
            "a report of this, with the model's folder",
        )
    return None if model.algorithm.type == "kmeans" else expected


def _whole(golden: pa.Table, model: SparkModel, chain: Chain) -> pa.Table:
    """Return the rows without those that Spark could not take: a feature is missing there."""
    import numpy as np
    import pyarrow as pa

    encoded = chain.encoder.apply(_batch(golden, chain))
    numbers = [block.column for block in model.features.layout.blocks if block.kind == "numeric"]
    missing = np.isnan(feature_matrix(encoded, numbers, "float64")).any(axis=1)
    return golden.filter(pa.array(~missing))


def _batch(rows: pa.Table, chain: Chain) -> pa.RecordBatch:
    return rows.select(chain.input_columns()).combine_chunks().to_batches()[0]
