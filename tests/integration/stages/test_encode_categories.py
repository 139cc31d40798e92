"""Categorical encodings over both engines, against Python over the same rows."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.boosting import BoostingParameters
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Bin, Count, Cross, Fill, Hash, Index, OneHot, TargetEncode
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.hashing import stable_hash
from stagecraft.stages.labels import handed_on, original_labels
from stagecraft.stages.predict import Predict
from stagecraft.transforms.encodings import NumberEncoding, SlotEncoding
from stagecraft.transforms.linear import Linear

Commit = Callable[..., Dataset]
NASTY = [
    "",
    " ",
    "a",
    "A",
    "&",
    "%",
    "a&b",
    "%26",
    "it's",
    'say "hi"',
    "back\\slash",
    "ü",
    "日本",
    "😀",
    "\n",
]


def nasty_rows(rows: int, labels: tuple[Any, Any] = ("no", "it's 'yes'\\")) -> pa.Table:
    draw = np.random.default_rng(3)
    text = [NASTY[place] if place < len(NASTY) else None for place in draw.zipf(1.4, rows) % 18]
    day = [None if place == 0 else datetime.date(2013, 1, int(place)) for place in draw.integers(0, 9, rows)]
    return pa.table(
        {
            "key": [f"k{number}" for number in range(rows)],
            "text": text,
            "select": pa.array(draw.integers(-3, 3, rows), mask=draw.random(rows) < 0.2),
            'or"der by': pa.array(day),
            "flag": pa.array(draw.random(rows) < 0.3, mask=draw.random(rows) < 0.1),
            "void": pa.nulls(rows, pa.string()),
            "one": ["same"] * rows,
            "noise": [f"n{number}" for number in draw.integers(0, rows // 2, rows)],
            "x": draw.normal(size=rows),
            "late": pa.array([labels[int(place)] for place in draw.random(rows) < 0.4]),
        }
    )


def text_of(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value).lower()


def escaped(text: str) -> str:
    return text.replace("%", "%25").replace("&", "%26")


def vocabulary(values: list[str | None]) -> list[str]:
    counts = Counter(value for value in values if value is not None)
    return sorted(counts, key=lambda value: (-counts[value], value.encode()))


COLUMNS: dict[Any, Any] = {
    ("text", "select", 'or"der by', "flag", "void", "one"): [Index(), Count()],
    "text": TargetEncode(key="key", folds=3, smoothing=2),
    "select": OneHot(top=4, unseen="column"),
    ("noise", "void"): TargetEncode(key="key"),
    (Cross("text", 'or"der by', "flag"), Cross("void", "one")): Index(min_count=2),
    Cross("select", "text"): [Hash(bits=10), Fill("most_frequent") | Count(normalize=True)],
    "x": Fill(0, indicator=True) | Bin(edges=[-1, 0, 1]),
}


def test_every_encoding_is_what_python_makes_of_the_rows(
    bench: Workbench, store: Store, commit_rows: Commit
) -> None:
    raw = nasty_rows(2000)
    made = EncodeColumns(columns=COLUMNS, label="late").run(bench, dataset=commit_rows(store, "nasty", raw))
    dataset, model = made["dataset"], made["model"]
    assert isinstance(dataset, Dataset)
    assert isinstance(model, Model)
    assert model.meta["labels"] == ["it's 'yes'\\", "no"]
    rows = dataset.table()
    rows = rows.take(pa.compute.index_in(raw["key"], rows["key"].combine_chunks()))
    assert str(rows["late"].type) == "int8"
    assert rows["late"].to_pylist() == [
        model.meta["labels"].index(value) for value in raw["late"].to_pylist()
    ]

    texts = {name: [text_of(value) for value in raw[name].to_pylist()] for name in raw.column_names}
    for parts in (("text", 'or"der by', "flag"), ("void", "one"), ("select", "text")):
        values = list(zip(*(texts[part] for part in parts), strict=True))
        texts["_x_".join(parts)] = [
            None if None in row else "&".join(escaped(text) for text in row) for row in values
        ]
    encodings = {
        field.name: encoding
        for encoding in model.chain.transforms[0].encodings  # type: ignore[attr-defined]
        for field in encoding.outputs()
    }
    for name in (
        "text",
        "select",
        'or"der by',
        "flag",
        "void",
        "one",
        'text_x_or"der by_x_flag',
        "void_x_one",
    ):
        known = vocabulary(texts[name])
        if "_x_" in name:
            known = [text for text in known if texts[name].count(text) >= 2]
        encoding = encodings[name]
        assert isinstance(encoding, SlotEncoding)
        assert encoding.map.vocabulary == known  # type: ignore[union-attr]
        slots = {text: slot for slot, text in enumerate(known, start=2)}
        assert rows[name].to_pylist() == [
            0 if text is None else slots.get(text, 1) for text in texts[name]
        ], name
    for name in ("text", "select", "void", "one"):
        assert rows[f"{name}_count"].to_pylist() == [texts[name].count(text) for text in texts[name]]
    crossed = texts["select_x_text"]
    most = vocabulary(crossed)[0]
    filled = [most if text is None else text for text in crossed]
    shares = np.array([filled.count(text) / 2000 for text in filled], dtype=np.float32)
    np.testing.assert_array_equal(rows["select_x_text_count"].to_numpy(), shares)
    hot = vocabulary(texts["select"])[:4]
    assert rows.column_names[-1] == "x_missing"
    assert rows["select_unseen"].to_pylist() == [
        float(text is not None and text not in hot) for text in texts["select"]
    ]
    for text in hot:
        assert rows[f"select={text}"].to_pylist() == [float(each == text) for each in texts["select"]]

    check_target(bench, store, raw, texts["text"], rows, encodings["text_target"])
    check_other_rows(model, raw, rows)


def check_target(
    bench: Workbench,
    store: Store,
    raw: pa.Table,
    texts: list[str | None],
    rows: pa.Table,
    full: NumberEncoding,
) -> None:
    """Each row's mean is over the rows of other folds, smoothed by 2; the model's is over all."""
    keys = bench.engine.table(raw.select(["key"]))
    hashed = stable_hash(0, {"key": "string"})
    found = bench.engine.collect(bench.engine.sql(f"SELECT key, {hashed} AS hash FROM keys", keys=keys))
    folds = {row["key"]: row["hash"] % 3 for row in found.to_pylist()}
    fold = [folds[key] for key in raw["key"].to_pylist()]
    assert set(fold) == {0, 1, 2}
    positive = [value == "no" for value in raw["late"].to_pylist()]

    def mean(text: str | None, others: list[int]) -> float:
        prior = Fraction(sum(positive[row] for row in others), len(others))
        labels = [positive[row] for row in others if texts[row] == text]
        return float((sum(labels) + 2 * prior) / (len(labels) + 2))

    outside = [[row for row in range(len(texts)) if fold[row] != each] for each in range(3)]
    means = {(text, each): mean(text, outside[each]) for text in set(texts) for each in range(3)}
    expected = [means[text, each] for text, each in zip(texts, fold, strict=True)]
    np.testing.assert_allclose(rows["text_target"].to_numpy(), expected, rtol=1e-6)
    everything = list(range(len(texts)))
    known = [mean(text, everything) for text in (None, "never seen", *vocabulary(texts))]
    np.testing.assert_allclose(full.values[0], known, rtol=1e-12, atol=0)


def check_other_rows(model: Model, raw: pa.Table, rows: pa.Table) -> None:
    """The model encodes one raw row as it did the rows of the fit, but for means that were out of fold."""
    one = raw.slice(17, 1).combine_chunks().to_batches()[0]
    encoded = model.chain.apply(one).to_pylist()[0]
    expected = rows.slice(17, 1).to_pylist()[0]
    differing = {name for name, value in expected.items() if encoded[name] != value}
    assert differing == {"late", "noise_target", "text_target", "void_target"}


def test_noise_has_no_power_over_the_label_of_the_rows_of_the_fit(
    bench: Workbench, store: Store, commit_rows: Commit
) -> None:
    from sklearn.metrics import roc_auc_score

    if bench.engine.name == "spark":
        pytest.skip("the means are checked above")
    raw = nasty_rows(4000)
    columns: dict[Any, Any] = {"noise": TargetEncode(key="key", smoothing=1), "x": Bin(count=4, by="label")}
    stage = EncodeColumns(columns=columns, label="late")
    made = stage.run(bench, dataset=commit_rows(store, "noise", raw))
    dataset, model = made["dataset"], made["model"]
    assert isinstance(dataset, Dataset)
    assert isinstance(model, Model)
    rows = dataset.table()
    assert set(rows["x"].to_pylist()) <= {1, 2, 3, 4}
    assert abs(roc_auc_score(rows["late"].to_numpy(), rows["noise_target"].to_numpy()) - 0.5) < 0.03
    leaking = model.chain.apply(raw.combine_chunks().to_batches()[0])["noise_target"].to_numpy()
    assert roc_auc_score(np.array(raw["late"].to_pylist()) == "no", leaking) > 0.8


@pytest.mark.parametrize("labels", [("no", "yes"), (False, True), (3, 7)], ids=str)
def test_predictions_give_back_the_labels_that_were_mapped(
    bench: Workbench, store: Store, commit_rows: Commit, labels: tuple[Any, Any]
) -> None:
    if bench.engine.name == "spark" and labels[0] != 3:
        pytest.skip("one kind of label is enough on Spark")
    raw = commit_rows(store, "labels", nasty_rows(500, labels))
    stage = EncodeColumns(columns={"text": Index(), "x": Fill(0)}, label="late", classes=True)
    trees = GBDTEncode(label="late", boosting=BoostingParameters(rounds=2, depth=2))
    encoder = trees.run(bench, dataset=stage.run(bench, dataset=raw)["dataset"])["model"]
    assert isinstance(encoder, Model)
    assert handed_on(encoder) == {"label": "late", "labels": list(labels)}
    layout = encoder.chain.layout
    weights = np.random.default_rng(0).normal(size=layout.dimension).astype(np.float32)
    draft = store.draft(Kind.MODEL, "d" * 32, lineage={"stage": "test"})
    originals = original_labels("test.label", encoder, "late", [0, 1])
    fill_model(draft, encoder.chain.then(Linear.of(layout, weights)), encoder.golden(), labels=originals)
    predicted = Predict(key=["key"]).run(bench, model=draft.commit(), dataset=raw)["dataset"]
    assert isinstance(predicted, Dataset)
    rows = predicted.table()
    assert set(rows["prediction"].to_pylist()) == set(labels)
    assert rows["prediction"].to_pylist() == [labels[score >= 0.5] for score in rows["score"].to_pylist()]


@pytest.mark.parametrize(
    ("column", "values", "more", "message"),
    [
        ("late", ["a", None, "b", None], {}, "2 rows have no 'late'"),
        ("late", [1.0, float("nan"), None, float("inf")], {}, "3 rows have no 'late'"),
        ("late", ["a", "a", "a", "a"], {}, r"1 class\(es\)"),
        ("late", [1.5, 2.5, 1.0, 0.0], {"classes": True}, "classes of type double"),
        (
            "late",
            ["a", "b", "c", "a"],
            {"columns": {"id": TargetEncode(key="id")}},
            "the label has 3 classes",
        ),
        ("late", ["a", "b", "c", "a"], {"columns": {"x": Bin(count=2, by="label")}}, "'late' has 3 classes"),
        ("text", [], {"label": None}, "encode.dataset: it has no rows"),
        (
            "text",
            [None, None, None, None],
            {"columns": {"text": Fill("most_frequent") | Index()}},
            "is missing",
        ),
        ("text", ["u", "U", "b", "c"], {"columns": {"text": OneHot()}}, "'text=U' and 'text=u'"),
        ("text", [[1], [2], [], None], {"columns": {"text": Index()}}, "text: the column is of type list"),
        ("id_count", ["u", "U", "b", "c"], {"columns": {"id": Count()}}, "'id_count' and 'id_count'"),
        ("text", ["u", "U", "b", "c"], {"columns": {"text": TargetEncode(key="x")}}, "'x' is of type double"),
        ("text", ["u", "U", "b", "c"], {"columns": {"text": TargetEncode(key="no")}}, "no column 'no'"),
    ],
)
def test_refuses(
    bench: Workbench,
    store: Store,
    commit_rows: Commit,
    column: str,
    values: list[Any],
    more: dict[str, Any],
    message: str,
) -> None:
    if bench.engine.name == "spark":
        pytest.skip("the same refusals, and a query each")
    rows = pa.table({"id": [1, 2, 3, 4], "x": [1.0, 2.0, 3.0, 4.0], "late": [0.0, 1.0, 1.0, 0.0]})
    rows = rows.drop_columns([column] if column in rows.column_names else []).slice(0, len(values))
    rows = rows.append_column(column, [values])
    stage = EncodeColumns(**({"columns": {"id": Index()}, "label": "late"} | more))
    with pytest.raises(InvalidInputError, match=message):
        stage.run(bench, dataset=commit_rows(store, "refused", rows))


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), st.sampled_from(NASTY), st.text(st.characters(codec="utf-8"), max_size=5)),
            st.floats(-1e6, 1e6),
        ),
        min_size=12,
        max_size=30,
    )
)
def test_any_text_and_any_number_for_a_label(
    bench: Workbench, store: Store, commit_rows: Commit, rows: list[tuple[str | None, float]]
) -> None:
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    table = pa.table({"id": range(len(rows)), "text": pa.array(texts, pa.string()), "y": pa.array(labels)})
    fast = Workbench(bench.engine, bench.store, bench.tracker, cache=False)
    made = EncodeColumns(
        columns={
            "text": [Index(), TargetEncode(key="id", folds=2, smoothing=3)],
            Cross("text", "id"): Hash(bits=9),
        },
        label="y",
    ).run(fast, dataset=commit_rows(store, f"r{abs(hash(tuple(rows))):x}"[:32], table))
    model = made["model"]
    assert isinstance(model, Model)
    index, target, _ = model.chain.transforms[0].encodings  # type: ignore[attr-defined]
    assert index.map.vocabulary == target.map.vocabulary == vocabulary(texts)
    prior = np.mean(labels)

    def mean(text: str | None) -> float:
        found = [label for each, label in rows if each == text]
        return float((sum(found) + 3 * prior) / (len(found) + 3))

    expected = [mean(None), prior, *map(mean, vocabulary(texts))]
    np.testing.assert_allclose(target.values[0], expected, rtol=1e-7, atol=1e-7)
    dataset = made["dataset"]
    assert isinstance(dataset, Dataset)
    applied = model.chain.apply(table.combine_chunks().to_batches()[0]).to_pylist()
    same = [(row["id"], row["text"], row["text_x_id"]) for row in applied]
    assert sorted((row["id"], row["text"], row["text_x_id"]) for row in dataset.table().to_pylist()) == same
