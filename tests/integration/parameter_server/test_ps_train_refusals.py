"""Bad input is refused before Ray starts."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest

from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.parameter_server.models import DeepFM, LinearRegression
from stagecraft.stages import ps_train
from stagecraft.stages.ps_train import PSTrain


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    """Nothing here may get as far as training."""

    def refuse(*_: object) -> None:
        raise AssertionError("Ray was about to start")

    import stagecraft.jobs.ray_session as session

    monkeypatch.setattr(session, "ray_session", refuse)
    yield
    assert "ray" not in sys.modules or not sys.modules["ray"].is_initialized()


def changed(world, name, column, values):
    table = world.raw.slice(0, 100)
    return world.encoded(name, table.set_column(table.column_names.index(column), column, pa.array(values)))


def refused(world, stage, dataset, match, **inputs):
    with pytest.raises(InvalidInputError, match=match):
        stage.run(world.bench(), dataset=dataset, **inputs)


def test_rows_that_are_not_encoded(world):
    refused(world, PSTrain(label="late"), world.raw_dataset, "ps_train.dataset: the rows are not encoded")


def test_a_network_where_torch_is_not_installed(world, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    refused(
        world,
        PSTrain(label="late", model=DeepFM()),
        world.train,
        r"ps_train\.model: .*'torch', which is not installed.*airflow-provider-stagecraft\[torch\]",
    )


def test_unknown_columns(world):
    refused(world, PSTrain(label="lat"), world.train, "ps_train.label: the dataset has no column 'lat'")
    refused(world, PSTrain(label="late", weight="x"), world.train, "ps_train.weight: .* no column 'x'")


@pytest.mark.parametrize(
    ("name", "values", "match"),
    [
        ("a", ["yes"] * 100, "1 class"),
        ("b", ["yes", "no", "maybe", "no"] * 25, "3 class"),
        ("c", ["yes", None] * 50, "50 of 100 labels are missing"),
        ("d", [0.0, float("nan")] * 50, "50 of 100 labels are missing"),
    ],
)
def test_labels(world, name, values, match):
    refused(world, PSTrain(label="late"), changed(world, name, "late", values), match)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("5", [1.0, -0.5]),
        ("6", [1.0, float("nan")]),
        ("7", [1.0, None]),
        ("8", [1.0, float("inf")]),
        ("9", [0.0, 0.0]),
    ],
)
def test_weights(world, name, values):
    stage = PSTrain(label="late", weight="w")
    refused(world, stage, changed(world, name, "w", values * 50), "ps_train.weight")


def test_regression_wants_finite_numbers(world):
    stage = PSTrain(label="late", model=LinearRegression())
    refused(world, stage, world.train, "ps_train.label: values of type string; what would do: numbers")
    stage = PSTrain(label="delay", model=LinearRegression())
    refused(world, stage, changed(world, "e", "delay", [1.0, None] * 50), "nan in row 1 is no finite number")


def test_validation_labels_are_those_of_training(world):
    other = changed(world, "f", "late", ["yes", "never"] * 50)
    refused(world, PSTrain(label="late"), world.train, "'never'", validation=other)


def test_a_damaged_file(world):
    dataset = world.encoded("0", world.raw.slice(0, 50))
    world.store.write(dataset.files[0], b"damage")
    for stage in (PSTrain(label="late"), PSTrain(label="late", weight="w")):
        with pytest.raises(CorruptArtifactError):
            stage.run(world.bench(), dataset=dataset)
    held_out = world.encoded("z", world.held_out.slice(0, 50))
    world.store.write(held_out.files[0], b"damage")
    with pytest.raises(CorruptArtifactError):
        PSTrain(label="late").run(world.bench(), dataset=world.train, validation=held_out)


@pytest.mark.parametrize(
    "parameters",
    [
        {"epochs": 0},
        {"workers": 0},
        {"shards": 300},
        {"batch_rows": 20_000},
        {"checkpoint_seconds": -1},
        {"optimizer": {"alpha": 0}},
        {"model": {"type": "tree"}},
        {"label": ""},
        {"seed": -1},
        {"epoch": 1},
    ],
)
def test_parameters_out_of_bounds(parameters):
    with pytest.raises(InvalidInputError, match=f"ps_train.{next(iter(parameters))}"):
        PSTrain.validated({"label": "late", **parameters})


def test_checkpoint_time_does_not_change_the_address(world):
    def address(seconds):
        return PSTrain(label="late", checkpoint_seconds=seconds).fingerprint({})

    assert address(1) == address(60)
    assert PSTrain(label="late", seed=1).fingerprint({}) != address(1)
    assert ps_train.PSTrain.version == 2
