"""The flight model from raw JSON rows: its cost beside FastAPI; online answers against batch predictions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import joblib
import requests
import serving_client
from peers.serve_fastapi import FlightChain
from report import Report
from serving_client import Plan
from serving_cost import CONNECTIONS, QUICK, SECONDS, Case, measured, ours, show
from serving_servers import Server, served

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.demo.connections import flights
from stagecraft.engines.choose import open_engine
from stagecraft.serving.compare import compare
from stagecraft.serving.rows import rows_of
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.boosting import BoostingParameters
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Hash, Index, Standardize
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.predict import Predict
from stagecraft.stages.ps_train import PSTrain
from stagecraft.stages.sample import StratifiedSample
from stagecraft.stages.split import TimeSplit
from stagecraft.stages.sql import SQL
from stagecraft.tracking.writer import Tracker

QUERY = Path(__file__).parent.parent / "dags" / "flights.sql"
NUMERIC = [
    *("weekday", "hour", "minute", "distance", "plane_age", "seats", "engines"),
    *("temp", "dewp", "humid", "wind_speed", "wind_dir", "precip", "pressure", "visib"),
]
INDEXED, HASHED, BITS = (
    ["carrier", "origin", "manufacturer"],
    ["dest", "flight", "tailnum", "plane_model"],
    13,
)
FRACTION = 0.1 if QUICK else 0.5
ASKED_ROWS = 200
BATCH = 64
MOST_MISMATCHES = 5000 if QUICK else None
TOLERANCE = 1e-6


@dataclass
class Flights:
    """The trained model, the rows that it is asked about, and its batch predictions."""

    store: Store
    model: Model
    sample: Dataset
    test: Dataset
    predictions: Dataset


@cache
def trained(folder: Path) -> Flights:
    """Run the stages of the example DAG, without its sweep."""
    raw = flights()["STAGECRAFT_FLIGHTS"]
    files = {
        "flights": f"{raw}/flights.csv.zip",
        "weather": f"{raw}/weather.csv",
        "planes": f"{raw}/planes.csv",
    }
    store = Store(str(folder / "flights"))
    columns = {
        tuple(NUMERIC): Fill("median") | Standardize(),
        tuple(INDEXED): Index(),
        tuple(HASHED): Hash(bits=BITS),
    }
    with open_engine("duckdb") as engine:
        bench = Workbench(engine, store, Tracker.nowhere())

        def run(stage: Stage, **inputs: Dataset | Model) -> dict[str, Dataset | Model]:
            return stage.run(bench, **inputs)

        rows = run(SQL(query=QUERY.read_text(), files=files))["dataset"]
        split = run(TimeSplit(column="date", test_months=2), dataset=rows)
        sampled = StratifiedSample(strata="late", key="flight_id", fraction=FRACTION)
        sample = run(sampled, dataset=split["train"])["dataset"]
        encoded = run(EncodeColumns(columns=columns), dataset=sample)["dataset"]
        boosting = BoostingParameters(rounds=60, depth=5, learning_rate=0.1)
        leaves = run(GBDTEncode(label="late", boosting=boosting), dataset=encoded)["dataset"]
        model = run(PSTrain(label="late", workers=1, shards=0, epochs=1), dataset=leaves)["model"]
        predictions = run(Predict(key=["flight_id"]), model=model, dataset=split["test"])["dataset"]
    return Flights(store, model, sample, split["test"], predictions)


@contextmanager
def fastapi(folder: Path, chain: FlightChain) -> Iterator[Server]:
    file = folder / "chain.joblib"
    joblib.dump(chain, file)
    command = ["-m", "uvicorn", "--app-dir", str(Path(__file__).parent), "peers.serve_fastapi:app"]
    options = ["--host", "127.0.0.1", "--port", "{port}", "--no-access-log"]
    with served([*command, *options], folder, "/ready", CHAIN=str(file), OMP_NUM_THREADS="1") as server:
        yield server


def flight_figures(report: Report, folder: Path) -> None:
    """Raw rows with texts and missing values, through the whole chain."""
    world = trained(folder)
    table = world.test.table().slice(0, ASKED_ROWS)
    raw = table.select(world.model.input_schema.names)
    asked = rows_of(raw)
    rows = [json.dumps(row).encode() for row in asked]
    scores = world.model.chain.predict(raw.combine_chunks().to_batches()[0])
    train = world.sample.table().to_pandas()
    chain = FlightChain(NUMERIC, INDEXED, HASHED, BITS).fit(train, train["late"].to_numpy())
    with ExitStack() as stack:
        us = stack.enter_context(ours(folder, world.store, {"flights": world.model}))
        them = stack.enter_context(fastapi(folder, chain))

        def case(name: str, server: Server, start: bytes, expected: list[float]) -> Case:
            whole = [serving_client.request("/predict", b'{%b"rows":[%b]}' % (start, row)) for row in rows]
            plan = Plan(server.port, whole, [[score] for score in expected], "scores", CONNECTIONS, SECONDS)
            return Case(name, server, plan, [])

        cases = [
            case("ours", us, b'"model":"flights",', scores.tolist()),
            case("scikit-learn, XGBoost, FastAPI", them, b"", [chain.answer([row])[0] for row in asked]),
        ]
        measured(cases)
        show("One flight: texts, missing values, trees, logistic regression", cases)
    report.figure("flight_cpu_us", cases[0].cost, "<=", 60)
    report.figure("flight_cpu_vs_fastapi", cases[0].cost / cases[1].cost, "<=", 0.1)


def mismatch_figures(report: Report, folder: Path) -> None:
    """Every flight of the test months, asked online one row and many at a time, against batch predictions."""
    import pyarrow as pa

    world = trained(folder)
    table = world.test.table().slice(0, MOST_MISMATCHES)
    batch = world.predictions.table()
    names = world.model.input_schema.names
    with ours(folder, world.store, {"flights": world.model}) as server, requests.Session() as session:
        shown = []
        worst = 0
        for most in (1, BATCH, 1000):
            found: list[float] = []
            for start in range(0, table.num_rows, most):
                rows = rows_of(table.slice(start, most).select(names))
                body = {"model": "flights", "rows": rows}
                answer = session.post(f"http://127.0.0.1:{server.port}/predict", json=body, timeout=60)
                answer.raise_for_status()
                found += answer.json()["scores"]
            online = pa.table({"flight_id": table["flight_id"], "score": found})
            expected = batch.join(online.select(["flight_id"]), "flight_id", join_type="inner")
            compared = compare(online, expected, ["flight_id"])
            wrong = compared.lonely if compared.largest <= TOLERANCE else table.num_rows
            worst = max(worst, wrong)
            shown.append((f"{most} a request", compared.rows, compared.lonely, f"{compared.largest:.2g}"))
    Report.table(
        "Online answers against batch predictions", ("", "rows", "lonely", "largest difference"), shown
    )
    report.figure("online_batch_mismatches", worst, "<=", 0)
