"""Numeric steps: the fits of scikit-learn, in one language, and their refusals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.errors import InvalidInputError
from stagecraft.stages import label_bins
from stagecraft.stages.base import Workbench
from stagecraft.stages.numeric_fit import fit_numeric
from stagecraft.stages.numeric_moments import Moments
from stagecraft.stages.numeric_steps import (
    AnyNumericStep,
    Bin,
    Clip,
    Fill,
    Log,
    MinMax,
    NumericStep,
    Robust,
    Standardize,
    check_chain,
)
from stagecraft.transforms.numeric import FittedBin, FittedScale

NAN = float("nan")
RANDOM = np.random.default_rng(11)
SKEWED = np.round(RANDOM.exponential(size=3001), 2)
SPARSE = np.where(RANDOM.random(3001) < 0.2, NAN, SKEWED)


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    with DuckDBEngine() as engine:
        yield cast(Workbench, SimpleNamespace(engine=engine))


def encoded(
    bench: Workbench, values: Any, steps: Sequence[NumericStep], label: np.ndarray | None = None
) -> np.ndarray:
    """Fit the chain, and map the values that it was fitted on."""
    array = np.asarray(values, dtype=np.float64)
    columns = {"x": array} if label is None else {"x": array, "y": label}
    rows = bench.engine.table(pa.table(columns))
    for fitted in fit_numeric(bench, rows, {"x": steps}, label=None if label is None else "y")["x"]:
        array = fitted.map(array)
    return array


@pytest.mark.parametrize("strategy", ["median", "mean", "most_frequent"])
@pytest.mark.parametrize(
    ("steps", "theirs"),
    [
        ([], None),
        ([Standardize()], StandardScaler()),
        ([MinMax()], MinMaxScaler()),
        ([MinMax(low=-1, high=3)], MinMaxScaler((-1, 3))),
        ([Robust()], RobustScaler()),
        ([Clip(quantiles=(0.05, 0.9)), Standardize()], StandardScaler()),
    ],
    ids=repr,
)
def test_chains_are_those_of_scikit_learn(
    bench: Workbench, strategy: Any, steps: list[NumericStep], theirs: Any
) -> None:
    expected = SimpleImputer(strategy=strategy).fit_transform(SPARSE[:, None])
    if steps and isinstance(steps[0], Clip):
        expected = np.clip(expected, *np.quantile(expected, [0.05, 0.9]))
    if theirs is not None:
        expected = theirs.fit_transform(expected)
    np.testing.assert_allclose(
        encoded(bench, SPARSE, [Fill(strategy), *steps]), expected[:, 0], rtol=1e-7, atol=1e-8
    )


@pytest.mark.parametrize("by", ["quantile", "width"])
@pytest.mark.parametrize("values", [SKEWED, np.where(SKEWED < 1, 0, SKEWED)], ids=["skewed", "tied"])
def test_bins_are_those_of_scikit_learn(bench: Workbench, by: Any, values: np.ndarray) -> None:
    theirs = KBinsDiscretizer(
        7,
        encode="ordinal",
        strategy="uniform" if by == "width" else "quantile",
        quantile_method="linear",
        subsample=None,
    )
    expected = theirs.fit_transform(values[:, None])[:, 0] + 1
    np.testing.assert_array_equal(encoded(bench, values, [Bin(count=7, by=by)]), expected)
    assert len(np.unique(expected)) >= 3


def test_bins_by_label_are_those_of_a_tree(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many fine bins as there are values, the greedy tree is scikit-learn's."""
    values = RANDOM.integers(0, 60, 3001).astype(np.float64)
    label = np.sin(values / 9) + RANDOM.normal(0, 0.1, 3001)
    tree = DecisionTreeRegressor(max_leaf_nodes=6, min_samples_leaf=0.05).fit(values[:, None], label)
    thresholds = np.sort(tree.tree_.threshold[tree.tree_.feature == 0])
    monkeypatch.setattr(label_bins, "FINE", 2000)
    missing = np.where(RANDOM.random(3001) < 0.1, NAN, values)
    found = encoded(bench, values, [Bin(count=6, by="label")], label)
    np.testing.assert_array_equal(found, 1 + np.searchsorted(thresholds, values))
    assert found.max() == 6
    slots = encoded(bench, missing, [Bin(count=6, by="label")], label > 0)
    assert ((slots == 0) == np.isnan(missing)).all()


def test_label_bins_separate_a_heavy_value_and_keep_their_share(bench: Workbench) -> None:
    values = np.concatenate([np.zeros(4000), RANDOM.exponential(size=1000)])
    slots = encoded(bench, values, [Bin(count=8, by="label", min_share=0.1)], values > 0)
    assert ((slots == 1) == (values == 0)).all()
    assert slots.max() == 2
    unlabelled = np.where(np.arange(5000) % 9 == 0, NAN, values > 0)
    again = encoded(bench, values, [Bin(count=8, by="label", min_share=0.1)], unlabelled)
    np.testing.assert_array_equal(again, slots)
    assert encoded(bench, values, [Bin(count=8, by="label")], np.full(5000, 0.1)).max() == 1


@pytest.mark.parametrize(
    ("values", "steps", "expected"),
    [
        ([3, 3, 3], [Standardize()], [0, 0, 0]),
        ([3, 3, 3], [MinMax(low=2, high=4)], [2, 2, 2]),
        ([3, 3, 3], [Robust()], [0, 0, 0]),
        ([3, 3, NAN], [Bin(count=4)], [1, 1, 0]),
        ([3, 3, NAN], [Bin(count=4, by="width")], [1, 1, 0]),
        ([1, 2, 2, 1, 9, NAN], [Fill("most_frequent")], [1, 2, 2, 1, 9, 1]),
        ([NAN, NAN], [Fill(2), Standardize()], [0, 0]),
        ([float("inf"), 1, 2, 3, -float("inf")], [Robust()], [float("inf"), -0.5, 0, 0.5, -float("inf")]),
        ([float("inf"), 0, 0, NAN], [Clip(high=2), Fill("mean")], [2, 0, 0, 0.666666667]),
        ([NAN, 1, 3], [Clip(low=2), Fill("median"), MinMax()], [0.5, 0, 1]),
        ([0, 5, 10, NAN], [Bin(edges=[5.0, 10.0])], [1, 2, 3, 0]),
        ([1e308, -1e308], [Clip(-1, 1), Standardize()], [1, -1]),
        ([0, np.e - 1], [Log(), MinMax(high=2)], [0, 2]),
    ],
    ids=repr,
)
def test_small_columns(
    bench: Workbench, values: list[float], steps: list[NumericStep], expected: list[float]
) -> None:
    np.testing.assert_allclose(encoded(bench, values, steps), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("values", "steps", "message"),
    [
        ([NAN, NAN], [Standardize()], "every value is missing"),
        ([NAN], [Bin(count=3)], "every value is missing"),
        ([NAN], [Fill("most_frequent")], "every value is missing"),
        ([1, float("inf")], [Standardize()], r"1 values are infinite.*Clip"),
        ([1, float("inf")], [Fill("mean")], r"1 values are infinite"),
        ([1, float("inf")], [MinMax()], "the largest value is inf"),
        ([float("inf"), float("inf")], [Robust()], "the quantile 0.25 is inf"),
        ([1e200, -1e200], [Standardize()], "2 values are infinite or beyond"),
        ([5, -1, 2], [Log()], r"-1\.0 \+ 1\.0 has no logarithm.*offset"),
        ([5, -1, 2], [Bin(count=3, by="label")], "no label is named"),
    ],
    ids=repr,
)
def test_refusals_name_the_column(
    bench: Workbench, values: list[float], steps: list[NumericStep], message: str
) -> None:
    where = r"encode\.label" if "label" in message else r"encode\.columns\.x"
    with pytest.raises(InvalidInputError, match=f"^{where}: .*{message}"):
        encoded(bench, values, steps)


@pytest.mark.parametrize(
    "label",
    [np.array(["a", "b"]), np.array([1.0, np.inf]), np.array([NAN, NAN])],
    ids=["text", "infinite", "missing"],
)
def test_labels_that_are_no_numbers_are_refused(bench: Workbench, label: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match=r"^encode\.label(\.y)?: "):
        encoded(bench, [1, 2], [Bin(count=2, by="label")], label)


def test_moments_after_filling_take_no_scan_of_their_own(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans: list[Moments] = []
    mapped = DuckDBEngine.map_batches

    def counting(engine: DuckDBEngine, relation: Any, function: Any) -> Any:
        scans.extend([function] if isinstance(function, Moments) else [])
        return mapped(engine, relation, function)

    monkeypatch.setattr(DuckDBEngine, "map_batches", counting)
    for steps in ([Fill("median"), Standardize()], [Fill(0), Clip(0, 1), Standardize()]):
        scans.clear()
        encoded(bench, SPARSE, steps)
        assert len(scans) == 1


@pytest.mark.parametrize("far", [0.0, 1.7e12], ids=["around 0", "far from 0"])
def test_the_order_of_rows_does_not_show(bench: Workbench, far: float) -> None:
    rng = np.random.default_rng(0)
    half = rng.standard_normal(5_000) * 1e3
    values = np.concatenate([half, -half, [0.0]]) + far
    found = [standardized(bench, rng.permutation(values)) for _ in range(3)]
    assert found[0] == found[1] == found[2]
    assert found[0].shift == far
    assert found[0].scale == pytest.approx(values.std(), rel=1e-6)


@pytest.mark.parametrize("spread", [1e-13, 1e6])
def test_a_spread_of_any_size_is_scaled_and_a_constant_is_not(bench: Workbench, spread: float) -> None:
    values = np.random.default_rng(0).standard_normal(1000) * spread
    assert standardized(bench, values).scale == pytest.approx(values.std(), rel=1e-6)
    assert standardized(bench, [0.1 + spread] * 1000) == FittedScale(shift=0.1 + spread, scale=1.0)


def standardized(bench: Workbench, values: Any) -> FittedScale:
    rows = bench.engine.table(pa.table({"x": np.asarray(values, dtype=np.float64)}))
    (fitted,) = fit_numeric(bench, rows, {"x": [Standardize()]})["x"]
    assert isinstance(fitted, FittedScale)
    return fitted


@pytest.mark.parametrize(
    "make",
    [
        lambda: Clip(),
        lambda: Clip(low=1, quantiles=(0, 1)),
        lambda: Clip(low=2, high=1),
        lambda: Clip(quantiles=(0.2, 1.1)),
        lambda: MinMax(1, 1),
        lambda: Bin(),
        lambda: Bin(count=1),
        lambda: Bin(count=3, edges=[1.0]),
        lambda: Bin(edges=[]),
        lambda: Bin(edges=[2.0, 1.0]),
        lambda: Fill(NAN),
    ],
)
def test_parameters_that_cannot_be_are_refused(make: Any) -> None:
    with pytest.raises(ValidationError):
        make()


def test_steps_survive_json_and_bins_end_a_chain() -> None:
    steps = [Fill("mean", indicator=True), Clip(0, 1), Log(2), Robust(), MinMax(0, 9), Bin(edges=[1.0, 2.0])]
    adapter: TypeAdapter[Any] = TypeAdapter(list[AnyNumericStep])
    assert adapter.validate_json(adapter.dump_json(steps)) == steps
    check_chain(steps)
    with pytest.raises(ValueError, match="ends the chain"):
        check_chain(steps[::-1])
    with pytest.raises(ValueError, match="numbers take one of"):
        check_chain([Fill("mode")])
    assert FittedBin(edges=[1.0]).size == 3
