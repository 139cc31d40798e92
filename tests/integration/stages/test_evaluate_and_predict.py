"""Evaluation and batch prediction of a small model, over every engine."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.report import Report
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.stages import metrics
from stagecraft.stages.base import Workbench
from stagecraft.stages.boosting import BoostingParameters
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Index, Standardize
from stagecraft.stages.evaluate import Evaluate
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.predict import Predict
from stagecraft.transforms.categorical import FittedIndex
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill, FittedScale

EVIL = '<script>alert("x")</script> & $\\alpha$'
LABELS: dict[str, list[Any]] = {
    "bool": [False, True],
    "int": [0, 1],
    "text": ["it's on time", "late"],
    "double": [0.0, 1.0],
}


def flights(rows: int, labels: list[Any] = LABELS["bool"], seed: int = 0) -> pa.Table:
    draw = np.random.default_rng(seed)
    wind = np.where(draw.random(rows) < 0.1, np.nan, draw.normal(10, 4, rows))
    carrier = draw.choice(["UA", "AA", "ü", ""], rows)
    late = draw.random(rows) < 1 / (1 + np.exp(2 - 0.12 * np.nan_to_num(wind, nan=10) - (carrier == "UA")))
    return pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "wind": pa.array(wind, from_pandas=True),
            "carrier": pa.array([None if i % 17 == 0 else str(name) for i, name in enumerate(carrier)]),
            "late": pa.array([labels[int(value)] for value in late]),
            "Score of old": pa.array(draw.random(rows)),
        }
    )


def chain() -> Chain:
    encoder = Chain(
        (
            Encode(
                encodings=[
                    NumericEncoding(
                        column="wind", maps=[FittedFill(value=10), FittedScale(shift=10, scale=4)]
                    ),
                    SlotEncoding(
                        columns=["carrier"], output="carrier", map=FittedIndex(vocabulary=["UA", "AA"])
                    ),
                ],
            ),
        )
    )
    weights = np.array([-0.8, 0.45, 0, 0, 0.9, 0], dtype=np.float32)
    return encoder.then(Linear.of(encoder.layout, weights))


def commit_model(store: Store, model: Chain, labels: list[Any], **meta: Any) -> Model:
    draft = store.draft(
        Kind.MODEL, "e" * 32, lineage={"stage": "ps_train", "parameters": {"note": EVIL}, "inputs": {}}
    )
    fill_model(draft, model, flights(8), labels=labels, **meta)
    made = draft.commit()
    assert isinstance(made, Model)
    return made


@pytest.fixture
def rows(commit_rows: Callable[..., Dataset], store: Store) -> Dataset:
    return commit_rows(store, "test", flights(3000))


@pytest.fixture
def model(store: Store) -> Model:
    history = [{"step": step, "loss": 0.7 / step if step != 3 else math.nan} for step in range(1, 9)]
    return commit_model(store, chain(), LABELS["bool"], history=history, metrics={"loss": 0.5})


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_prediction_gives_key_score_and_the_label_itself(
    bench: Workbench, commit_rows: Callable[..., Dataset], labels: list[Any]
) -> None:
    table = flights(500, labels)
    rows = commit_rows(bench.store, "rows", table)
    made = Predict(key=["id", "carrier"], threshold=0.4).run(
        bench, model=commit_model(bench.store, chain(), labels), dataset=rows
    )["dataset"]
    assert isinstance(made, Dataset)
    assert list(made.columns) == ["id", "carrier", "score", "prediction"]
    found = made.table().sort_by("id")
    expected = chain().predict(table.select(["wind", "carrier"]).combine_chunks().to_batches()[0])
    np.testing.assert_array_equal(found["score"].to_numpy(), expected)
    assert found["prediction"].to_pylist() == [labels[int(value >= 0.4)] for value in expected]
    assert found["prediction"].type == table["late"].type
    assert found["carrier"].equals(table["carrier"])


def test_evaluation_measures_the_model_and_its_baseline(
    bench: Workbench, commit_rows: Callable[..., Dataset], rows: Dataset, model: Model
) -> None:
    train = commit_rows(bench.store, "train", flights(2000, seed=1))
    report = Evaluate(label="late", baseline_by=["carrier"], title=EVIL).run(
        bench, model=model, dataset=rows, baseline=train
    )["report"]
    assert isinstance(report, Report)
    table = rows.table()
    late = table["late"].to_numpy()
    score = chain().predict(table.select(["wind", "carrier"]).combine_chunks().to_batches()[0])
    seen = train.table()
    overall = pc.mean(pc.cast(seen["late"], "double")).as_py()
    rates: dict[str | None, list[bool]] = {}
    for carrier, value in zip(seen["carrier"].to_pylist(), seen["late"].to_pylist(), strict=True):
        rates.setdefault(carrier, []).append(value)
    baseline = np.array(
        [
            (sum(rates.get(carrier, [])) + 20 * overall) / (len(rates.get(carrier, [])) + 20)
            for carrier in table["carrier"].to_pylist()
        ]
    )
    found = report.metrics
    assert {name: found[name] for name in metrics.ranking(late, score)} == pytest.approx(
        metrics.ranking(late, score), abs=1e-12
    )
    for name, value in metrics.ranking(late, baseline).items():
        assert found[f"baseline_{name}"] == pytest.approx(value, abs=1e-12)
    assert found["auc"] > found["baseline_auc"] > 0.5
    assert (found["rows"], found["positives"]) == (3000, late.sum())
    assert found["accuracy"] == pytest.approx(np.mean((score >= 0.5) == late))
    assert json.loads(report.read("metrics.json")) == found


def test_the_page_is_whole_escaped_and_fetches_nothing(bench: Workbench, rows: Dataset, model: Model) -> None:
    report = Evaluate(label="late", title=EVIL).run(bench, model=model, dataset=rows)["report"]
    assert isinstance(report, Report)
    html = report.html()
    assert "<script" not in html
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; $\\alpha$" in html
    assert html.count("<svg") == 5
    assert "nan" not in re.sub(r"<[^>]*>", " ", html).lower().split()
    fetched = re.findall(r"""(?:src|href)\s*=\s*["']([^"'#][^"']*)""", html) + re.findall(r"url\((?!#)", html)
    assert fetched == []


def test_without_a_baseline_dataset_the_overall_rate_is_the_baseline(
    bench: Workbench, rows: Dataset, model: Model
) -> None:
    found = Evaluate(label="late").run(bench, model=model, dataset=rows)["report"].meta["metrics"]
    assert (found["baseline_auc"], found["baseline_ks"]) == (0.5, 0)
    rate = found["positives"] / found["rows"]
    assert found["baseline_log_loss"] == pytest.approx(
        -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)
    )


def test_a_label_of_text_with_quotes_is_read(bench: Workbench, commit_rows: Callable[..., Dataset]) -> None:
    labels = ["early", "it's late"]
    rows = commit_rows(bench.store, "rows", flights(400, labels))
    model = commit_model(bench.store, chain(), labels)
    found = Evaluate(label="late", baseline_by=["carrier", "wind"]).run(
        bench, model=model, dataset=rows, baseline=rows
    )["report"]
    assert found.meta["metrics"]["positives"] == pc.sum(pc.equal(rows.table()["late"], labels[1])).as_py()


def test_labels_that_the_model_does_not_know_are_refused(
    bench: Workbench, commit_rows: Callable[..., Dataset]
) -> None:
    model = commit_model(bench.store, chain(), ["on time", "late"])
    rows = commit_rows(bench.store, "rows", flights(100, ["on time", "delayed"]))
    with pytest.raises(InvalidInputError, match=r"evaluate\.label: label value 'delayed'.*as in training"):
        Evaluate(label="late").run(bench, model=model, dataset=rows)


def column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.slice(0, 0), r"evaluate\.label: the dataset has no rows"),
        (lambda rows: rows.drop_columns(["wind"]), r"evaluate\.dataset: .*no column 'wind'"),
        (
            lambda rows: column(rows, "wind", pc.cast(rows["wind"], pa.string())),
            r"evaluate\.dataset: column 'wind' is of type string.*fitted on double",
        ),
        (lambda rows: rows.filter(pc.field("late")), r"evaluate\.label: every row's 'late' is True"),
        (
            lambda rows: column(rows, "late", pc.if_else(pc.less(rows["id"], 5), None, rows["late"])),
            r"evaluate\.label: 5 of 100 labels are missing",
        ),
        (
            lambda rows: column(rows, "late", pc.cast(pc.multiply(rows["id"], 2), pa.int64())),
            r"evaluate\.label: 'late' is of type int64.*\[False, True\]",
        ),
    ],
    ids=["no rows", "no column", "other type", "one class", "missing labels", "labels of another type"],
)
def test_evaluation_refuses_rows_by_name(
    bench: Workbench,
    commit_rows: Callable[..., Dataset],
    model: Model,
    change: Callable[[pa.Table], pa.Table],
    message: str,
) -> None:
    rows = commit_rows(bench.store, "bad", change(flights(100)))
    with pytest.raises(InvalidInputError, match=message):
        Evaluate(label="late").run(bench, model=model, dataset=rows)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"label": "lat"}, r"evaluate\.label: the dataset has no column 'lat'"),
        (
            {"label": "late", "baseline_by": ["day"]},
            r"evaluate\.baseline_by: the dataset has no column 'day'",
        ),
        ({"label": "late", "baseline_by": ["late"]}, r"evaluate\.baseline_by: .*label"),
        ({"label": "late", "baseline_by": ["carrier"]}, r"evaluate\.baseline_by: .*no dataset"),
    ],
)
def test_evaluation_refuses_parameters_by_name(
    bench: Workbench, rows: Dataset, model: Model, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Evaluate.validated(parameters).run(bench, model=model, dataset=rows)


def test_a_model_that_only_encodes_is_refused(bench: Workbench, rows: Dataset) -> None:
    encoder = commit_model(bench.store, chain().encoder, [False, True])
    with pytest.raises(InvalidInputError, match=r"predict\.model: .*scores none"):
        Predict().run(bench, model=encoder, dataset=rows)
    with pytest.raises(InvalidInputError, match=r"evaluate\.model: .*scores none"):
        Evaluate(label="late").run(bench, model=encoder, dataset=rows)


def test_a_regression_predicts_its_number(bench: Workbench, rows: Dataset) -> None:
    encoder = chain().encoder
    linear = Linear.of(encoder.layout, np.array([-0.8, 0.45, 0, 0, 0.9, 0], dtype=np.float32), "identity")
    model = commit_model(bench.store, encoder.then(linear), [])
    made = Predict(key=["id"]).run(bench, model=model, dataset=rows)["dataset"]
    assert isinstance(made, Dataset)
    assert list(made.columns) == ["id", "score"]
    expected = model.chain.predict(rows.table(["wind", "carrier"]).combine_chunks().to_batches()[0])
    np.testing.assert_array_equal(made.table().sort_by("id")["score"].to_numpy(), expected)
    with pytest.raises(InvalidInputError, match=r"predict\.threshold: 0\.5 is given for a number"):
        Predict(threshold=0.5).run(bench, model=model, dataset=rows)


def test_encoded_rows_are_refused(
    bench: Workbench, commit_rows: Callable[..., Dataset], model: Model
) -> None:
    encoded = commit_rows(bench.store, "enc", flights(10), model=model.reference.model_dump(mode="json"))
    with pytest.raises(InvalidInputError, match=r"predict\.dataset: the rows are already encoded"):
        Predict().run(bench, model=model, dataset=encoded)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (["id", "ID"], "named twice"),
        (["Score"], "collides with the prediction's"),
        (["prediction"], "collides"),
    ],
)
def test_prediction_refuses_keys_that_collide(key: list[str], message: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"predict\.key: .*{message}"):
        Predict.validated({"key": key})


def test_prediction_refuses_an_unknown_key(bench: Workbench, rows: Dataset, model: Model) -> None:
    with pytest.raises(InvalidInputError, match=r"predict\.key: the dataset has no column 'nr'"):
        Predict(key=["nr"]).run(bench, model=model, dataset=rows)


def test_labels_and_columns_are_escaped_too(bench: Workbench, commit_rows: Callable[..., Dataset]) -> None:
    labels = ["<i>no</i>", "<img src=x onerror=alert(1)>"]
    table = flights(300, labels)
    rows = commit_rows(bench.store, "rows", table.append_column("<b>", table["carrier"]))
    model = commit_model(bench.store, chain(), labels)
    report = Evaluate(label="late", baseline_by=["<b>"]).run(bench, model=model, dataset=rows, baseline=rows)[
        "report"
    ]
    assert isinstance(report, Report)
    for text in ("<img", "<i>", "<b>"):
        assert text not in report.html()
    assert "predicted &lt;img src=x onerror=alert(1)&gt;" in report.html()


def test_a_chain_with_trees_predicts_the_same_in_the_engine(
    bench: Workbench, commit_rows: Callable[..., Dataset]
) -> None:
    train = commit_rows(bench.store, "train", flights(800))
    columns = {"wind": Standardize(), "carrier": Index()}
    encoded = EncodeColumns(columns=columns).run(bench, dataset=train)["dataset"]
    boosting = BoostingParameters(rounds=5, depth=3)
    encoder = GBDTEncode(label="late", boosting=boosting).run(bench, dataset=encoded)["model"]
    assert isinstance(encoder, Model)
    layout = encoder.chain.layout
    weights = np.random.default_rng(0).normal(size=layout.dimension).astype(np.float32)
    model = commit_model(bench.store, encoder.chain.then(Linear.of(layout, weights)), [False, True])
    table = flights(700, seed=5)
    made = Predict(key=["id"]).run(bench, model=model, dataset=commit_rows(bench.store, "test", table))[
        "dataset"
    ]
    assert isinstance(made, Dataset)
    expected = model.chain.predict(table.select(["wind", "carrier"]).combine_chunks().to_batches()[0])
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(made.table().sort_by("id")["score"].to_numpy(), expected)
