"""A browser opens the tab of a running task and sees its curve grow, in a real Airflow."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Frame, Page, expect, sync_playwright

from stagecraft.demo.airflow import LocalAirflow

pytestmark = [pytest.mark.airflow, pytest.mark.browser, pytest.mark.timeout(1800)]

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
TIMEOUT = 300_000
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DAG = """
from __future__ import annotations

import itertools
import math
import time
from pathlib import Path

from airflow.sdk import DAG, task


def tracker(ti):
    from stagecraft.hooks.store import StoreHook
    from stagecraft.tracking.folder import tracking_folder
    from stagecraft.tracking.writer import Tracker

    folder = tracking_folder(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=ti.map_index)
    return Tracker(StoreHook().store(), folder)


with DAG("curve", schedule=None, params={"stop": ""}):

    @task
    def train(params=None, ti=None):
        with tracker(ti) as tracked:
            for step in itertools.count(1):
                tracked.log(step, loss=0.4 + math.exp(-step / 20), progress=1 - math.exp(-step / 20))
                tracked.scoped("trial-1").log(step, loss=0.5 + math.exp(-step / 10))
                if Path(params["stop"]).exists():
                    return
                time.sleep(0.2)

    @task
    def quiet():
        pass

    @task
    def search(trial, ti=None):
        with tracker(ti) as tracked:
            tracked.log(1, auc=0.5 + trial / 10)
            tracked.log(2, auc=float("nan"))

    @task
    def prepare(params=None, ti=None):
        from types import SimpleNamespace

        from stagecraft.jobs.progress import Progress

        with tracker(ti) as tracked:
            progress = Progress(tracked, ["sample", "fit", "judge"])
            with progress.step("sample", SimpleNamespace(reused=True)):
                progress.tracker("sample").log(0, rows=1234)
            with progress.step("fit", SimpleNamespace(reused=False)):
                for step in range(5):
                    progress.tracker("fit").log(step, loss=1 / (step + 1), progress=0.5)
                while not Path(params["stop"]).exists():
                    time.sleep(0.2)

    def sweep(ti, trials):
        from stagecraft.hooks.store import StoreHook
        from stagecraft.tuning.budget import Budget
        from stagecraft.tuning.live import Live
        from stagecraft.tuning.space import Choice, LogUniform, Uniform
        from stagecraft.tuning.spec import StudySpec
        from stagecraft.tuning.study import Study
        from stagecraft.tuning.trial import Cause

        spec = StudySpec(
            space={
                "kind": Choice(["trees", "linear"]),
                "rate": LogUniform(0.01, 1),
                "share": Uniform(0, 1, when={"kind": ["linear"]}),
            },
            objectives={"auc": "maximize", "size": "minimize"},
            searcher="random",
        )
        study = Study(StoreHook().store(), f"studies/{ti.task_id}", spec)
        live = Live(tracker(ti), study, Budget(trials=40, wall_seconds=3600))
        live.begin()
        for number in range(trials):
            trial = study.ask()
            live.asked(trial)
            if number == 7:
                live.ended(study.fail(trial, Cause.MEMORY, "it took <b>too much</b>", seconds=1.0))
                continue
            auc = trial.parameters["rate"]
            curve = [(step, auc * step / 20) for step in range(1, 21)]
            live.ended(
                study.finish(trial, {"auc": auc, "size": 1 + auc**2}, seconds=2.0, cpu=1.0, curve=curve)
            )
        return live, study

    @task
    def tuning(params=None, ti=None):
        live, study = sweep(ti, 12)
        live.asked(study.ask())
        while not Path(params["stop"]).exists():
            time.sleep(0.2)

    @task
    def tuned(ti=None):
        live, _ = sweep(ti, 40)
        live.end("all trials are run")

    train(), quiet(), prepare(), search.expand(trial=[1, 2]), tuning(), tuned()
"""

TRAINING = """
from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import DAG

from stagecraft.operators.encode import EncodeOperator
from stagecraft.operators.ps_train import PSTrainOperator
from stagecraft.operators.sql import SQLOperator
from stagecraft.stages.encodings import Standardize

# A scheduler without time to see a task defer fails it as it returns; the retry takes the finished job over.
AGAIN = {"deferrable": True, "retries": 2, "retry_delay": timedelta(seconds=1)}

with DAG("training", schedule=None, default_args=AGAIN):
    rows = SQLOperator(task_id="rows", sql="SELECT * FROM raw", inputs={"raw": os.environ["ROWS"]})
    encode = EncodeOperator(task_id="encode", fit=rows.dataset, columns={("a", "b"): Standardize()})
    PSTrainOperator(task_id="train", dataset=encode.dataset, label="y", epochs=1000, batch_rows=64)
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser found: none of {', '.join(BROWSERS)} is on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 960})
        context.set_default_timeout(TIMEOUT)
        yield context.new_page()
        browser.close()


@pytest.fixture(scope="module")
def airflow(page: Page, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """An Airflow whose store is a connection in its database; the page is signed in to it."""
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    (folder / "dags" / "curve.py").write_text(DAG)
    (folder / "dags" / "training.py").write_text(TRAINING)
    draw = random.Random(0)
    rows = [
        (a, b, int(a + b + draw.gauss(0, 1) > 0))
        for a, b in ((draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(9000))
    ]
    (folder / "rows.csv").write_text("a,b,y\n" + "".join(f"{a},{b},{y}\n" for a, b, y in rows))
    env = {"ROWS": str(folder / "rows.csv")}
    with LocalAirflow(folder / "home", folder / "dags", users="admin:admin,vera:viewer", env=env) as airflow:
        connection = {
            "connection_id": "stagecraft_store",
            "conn_type": "stagecraft_store",
            "host": str(folder / "store"),
        }
        airflow.rest("POST", "/api/v2/connections", connection)
        tested = airflow.rest("POST", "/api/v2/connections/test", connection)
        assert tested == {
            "status": True,
            "message": f"A file was written into {folder / 'store'} and removed again",
        }
        # Whoever may only look at DAGs sees the curves too.
        cookie: Any = {"name": "_token", "value": airflow.token("vera"), "url": airflow.url}
        page.context.add_cookies([cookie])
        airflow.unpause("curve")
        yield airflow


@pytest.fixture(scope="module")
def run(airflow: LocalAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A run whose task ``train`` goes on until these tests are done."""
    stop = tmp_path_factory.mktemp("run") / "stop"
    run = airflow.trigger("curve", {"stop": str(stop)})
    yield run
    stop.touch()
    assert airflow.wait("curve", run) == "success"


def open_tab(page: Page, airflow: LocalAirflow, run: str, task: str, dag: str = "curve") -> Frame:
    """Click the tab "Live" of a task instance and return the page inside it."""
    page.goto(f"{airflow.run_url(dag, quote(run))}/tasks/{task}")
    page.get_by_role("link", name="Live").click()
    frame = page.locator("iframe[title=Live]").element_handle().content_frame()
    assert frame is not None
    return frame


def wait_for(frame: Frame, condition: str) -> None:
    """Wait for a condition in JavaScript; the page refuses the scripts of Playwright's own wait."""
    deadline = time.monotonic() + TIMEOUT / 1000
    while not frame.evaluate(condition):
        assert time.monotonic() < deadline, f"never true: {condition}"
        frame.page.wait_for_timeout(200)


def test_the_curve_grows_while_the_task_runs(page: Page, airflow: LocalAirflow, run: str) -> None:
    errors: list[object] = []
    page.on("pageerror", lambda error: errors.append(error))
    frame = open_tab(page, airflow, run, "train")
    points = "Number(document.querySelector('[data-chart=loss]')?.dataset.points ?? 0)"
    wait_for(frame, f"{points} >= 3")
    before = frame.evaluate(points)
    wait_for(frame, f"{points} >= {before + 5}")
    assert airflow.task_states("curve", run)["train"] == "running"
    assert frame.locator("[data-chart=loss]").get_attribute("data-curves") == "2"
    expect(frame.locator("[data-chart=loss] .u-legend")).to_contain_text("trial-1")
    expect(frame.locator("[data-chart=loss] canvas")).to_be_visible()
    expect(frame.locator("#percent")).to_contain_text("%")
    expect(frame.locator("#message")).to_be_hidden()
    assert errors == []


def test_a_task_that_tracks_nothing_says_so(page: Page, airflow: LocalAirflow, run: str) -> None:
    frame = open_tab(page, airflow, run, "quiet")
    expect(frame.locator("#message")).to_contain_text("tracked nothing", timeout=TIMEOUT)


def test_the_steps_of_a_group_are_told_apart(page: Page, airflow: LocalAirflow, run: str) -> None:
    frame = open_tab(page, airflow, run, "prepare")
    expect(frame.locator("#steps li")).to_have_text(
        ["samplereusedRows 1,234", "fit50%Loss 0.2", "judgewaiting"], timeout=TIMEOUT
    )
    states = frame.locator("#steps li").evaluate_all("rows => rows.map(row => row.dataset.state)")
    assert states == ["reused", "running", "waiting"]
    expect(frame.locator("#percent")).to_have_text("50%")
    expect(frame.locator("h2")).to_have_text(["fit: Loss"])


def test_a_mapped_task_shows_its_own_curve(page: Page, airflow: LocalAirflow, run: str) -> None:
    frame = open_tab(page, airflow, run, "search/mapped/1")
    expect(frame.locator("[data-chart=auc] .note")).to_contain_text(
        "AUC is not a finite number at step 2", timeout=TIMEOUT
    )
    assert frame.locator("[data-chart=auc]").get_attribute("data-curves") == "1"


def test_a_sweep_is_seen_as_it_runs(page: Page, airflow: LocalAirflow, run: str) -> None:
    errors: list[object] = []
    page.on("pageerror", lambda error: errors.append(error))
    frame = open_tab(page, airflow, run, "tuning")
    expect(frame.locator(".sweep")).to_have_attribute("data-trials", "13", timeout=TIMEOUT)
    summary = frame.locator("[data-card=summary]")
    expect(summary.locator(".words")).to_contain_text("11 finished, 1 failed, 1 running. About")
    expect(summary.locator("[data-limit=trials]")).to_contain_text("12 of 40, 28 left")
    expect(summary.locator("[data-limit=wall_seconds]")).to_contain_text("of 1 h")
    before = summary.locator("[data-limit=wall_seconds]").inner_text()
    expect(summary.locator("[data-limit=wall_seconds]")).not_to_have_text(before)
    for card in ("best", "curves", "front"):
        expect(frame.locator(f"[data-card={card}] canvas")).to_be_visible()
    assert frame.locator("[data-card=parallel] .lines path").count() == 11

    rows = frame.locator("[data-card=trials] tbody tr")
    best_first = rows.evaluate_all("rows => rows.map(row => Number(row.cells[2].textContent) || 0)")
    assert len(best_first) == 13
    assert best_first == sorted(best_first, reverse=True)
    frame.get_by_role("button", name="Size").click()
    smallest = rows.evaluate_all("rows => rows.slice(0, 11).map(row => Number(row.cells[3].textContent))")
    assert smallest == sorted(smallest)
    assert frame.get_by_role("columnheader", name="Size").get_attribute("aria-sort") == "ascending"
    frame.get_by_label("Trials of which state").select_option("failed")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("failed (memory): it took <b>too much</b>")
    assert errors == []


def test_a_sweep_that_ended_is_seen_whole(page: Page, airflow: LocalAirflow, run: str) -> None:
    frame = open_tab(page, airflow, run, "tuned")
    expect(frame.locator("[data-card=summary] .words")).to_contain_text(
        "39 finished, 1 failed. Ended: all trials are run.", timeout=TIMEOUT
    )
    shares = frame.locator("[data-card=importance] [data-parameter]")
    assert shares.first.get_attribute("data-parameter") == "rate"
    assert shares.count() == 4, "the parameters, and what they do together"
    rows = frame.locator("[data-card=trials] tbody tr")
    expect(rows).to_have_count(25)
    frame.get_by_role("button", name="Show 15 more").click()
    expect(rows).to_have_count(40)
    rows.first.hover()
    focus = frame.locator("[data-card=parallel] path.focus")
    first = frame.locator(f"[data-trial='{rows.first.get_attribute('data-trial')}']").first
    assert focus.get_attribute("d") == first.get_attribute("d") != ""
    expect(frame.locator("[data-card=parallel] .nearest")).to_contain_text("trial")


def test_dark_and_light_follow_airflow(page: Page, airflow: LocalAirflow, run: str) -> None:
    frame = open_tab(page, airflow, run, "train")
    for mode in ("dark", "light", "dark"):
        page.evaluate("mode => (document.documentElement.className = mode)", mode)
        is_dark = "true" if mode == "dark" else "false"
        wait_for(frame, f"document.documentElement.classList.contains('dark') === {is_dark}")


def test_a_session_that_has_ended_is_said(page: Page, airflow: LocalAirflow, run: str) -> None:
    # The page by itself: around it, Airflow may notice first, and go to its login.
    page.goto(open_tab(page, airflow, run, "train").url)
    frame = page.main_frame
    wait_for(frame, "document.body.dataset.events > 0")
    cookies: Any = page.context.cookies()
    page.context.clear_cookies()
    try:
        expect(frame.locator("#message")).to_contain_text("session has ended", timeout=TIMEOUT)
    finally:
        page.context.add_cookies(cookies)
    expect(frame.locator("#message")).to_be_hidden(timeout=TIMEOUT)


def test_a_deferred_training_shows_its_curve_and_ends_when_a_person_ends_it(
    page: Page, airflow: LocalAirflow
) -> None:
    airflow.unpause("training")
    run = airflow.trigger("training")
    _until(
        lambda: airflow.task_states("training", run)["train"] == "deferred",
        told=lambda: airflow.task_states("training", run),
    )
    frame = open_tab(page, airflow, run, "train", dag="training")
    points = "Number(document.querySelector('[data-chart=loss]')?.dataset.points ?? 0)"
    wait_for(frame, f"{points} >= 3")
    before = frame.evaluate(points)
    wait_for(frame, f"{points} >= {before + 5}")
    assert airflow.task_states("training", run)["train"] == "deferred"
    family = [
        job for job in airflow.processes() if f"--store={airflow.home.parent / 'store'}" in job.cmdline()
    ]
    assert len(family) == 1
    family += family[0].children(recursive=True)
    instance = f"/api/v2/dags/training/dagRuns/{run}/taskInstances/train"
    airflow.rest("PATCH", instance, {"new_state": "failed"})
    _until(lambda: not any(process.is_running() for process in family))
    log = str(airflow.task_log("training", run, "train", 1))
    assert "Stage ps_train: running" in log
    assert "Stage ps_train: committed" not in log


def _until(condition: Callable[[], bool], told: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + TIMEOUT / 1000
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.5)
