"""Whether any request notices that versions come and go, workers die and a disk fills.

``python benchmarks/serving_failures.py`` runs it alone; ``QUICK=1`` sends fewer requests.
"""

from __future__ import annotations

import json
import os
import random
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from serving_running import NAME, Answers, Bench, commit, running, streaming
from serving_stream import BROKEN

QUICK = bool(os.environ.get("QUICK"))


def failed_requests(
    count: int = 50_000 if QUICK else 1_000_000, changes: int = 20 if QUICK else 200
) -> dict[str, float]:
    """Send requests through swaps, rollbacks, bad pushes, unloads, killed workers and a full disk.

    :return: ``failed`` requests but those that a killed worker held, ``torn`` answers (of no version as it
        scores), ``strayed`` answers by a version that was not asked for at any moment of the request,
        ``killed`` requests that a killed worker held, and what was done
    """
    generator = random.Random(1)
    done: dict[str, int] = {
        "requests": 0,
        "changes": 0,
        "kills": 0,
        "full_disks": 0,
        "bad_pushes": 0,
        "unloads": 0,
    }
    kills: list[float] = []
    with running() as bench:
        bench.pull("v0")
        bench.settle()
        bad = spoilt(bench)
        with streaming(bench, requests=count, rate=0, connections=16) as stream:
            settled: list[float] = []
            for number in range(changes):
                step(bench, generator, done, bad)
                bench.settle()
                settled.append(time.monotonic())
                bench.history.append((settled[-1], "settled"))
                if number % (changes // 4) == changes // 8:
                    kills.append(kill(bench, generator))
                    done["kills"] += 1
                    bench.settle()
                if number == changes // 2 and os.path.ismount(bench.root):
                    fill_disk(bench)
                    done["full_disks"] += 1
                done["changes"] += 1
        answers = stream.answers()
    done["requests"] = len(answers.code)
    return {**judged(answers, bench, kills), **done}


def step(bench: Bench, generator: random.Random, done: dict[str, int], bad: str) -> None:
    """Change what is served: by the manifest or through the endpoint; or try what must be refused."""
    now = bench.file.read().models[NAME]
    other = generator.choice([version for version in bench.scores if version != now.default])
    match generator.choice(("pull", "push", "roll_back", "bad", "unload")):
        case "pull":
            bench.pull(other)
        case "push":
            if (status := bench.push(other)) != 200:
                raise RuntimeError(f"a push was answered with {status}")
        case "roll_back" if now.aliases["default"].previous:
            bench.roll_back()
        case "bad":
            done["bad_pushes"] += 1
            if (status := bench.push(bad)) != 422:
                raise RuntimeError(f"a bad push was answered with {status}")
        case "unload" if spare := [
            v for v in now.versions if v not in (now.default, now.aliases["default"].previous)
        ]:
            done["unloads"] += 1
            bench.call("DELETE", f"/models/{NAME}/versions/{spare[0]}").raise_for_status()


def kill(bench: Bench, generator: random.Random) -> float:
    """End a worker as the kernel would where memory lacks; return when."""
    states = [json.loads(path.read_bytes()) for path in (bench.root / "workers").glob("*.json")]
    victim = generator.choice([state["pid"] for state in states if psutil.pid_exists(state["pid"])])
    moment = time.monotonic()
    os.kill(victim, 9)
    return moment


def fill_disk(bench: Bench) -> None:
    """Leave no room below the service's root, try to deploy, and make room again."""
    filler = bench.root / "filler"
    with open(filler, "wb") as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    try:
        now = bench.file.read().models[NAME].default
        other = next(version for version in bench.scores if version != now)
        if (status := bench.push(other)) != 503:
            raise RuntimeError(f"a push onto a full disk was answered with {status}")
        time.sleep(2)
    finally:
        filler.unlink()


def spoilt(bench: Bench) -> str:
    """Commit a model and damage one of its files; return its version."""
    model = commit(bench.store, bench.models["v0"], 99)
    path = Path(bench.store.strip(model.file_uri("1-linear/weights.npz")))
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    bench.models["bad"] = model
    return "bad"


def judged(answers: Answers, bench: Bench, kills: list[float]) -> dict[str, float]:
    """Count the answers that there should not be; see :func:`failed_requests`."""
    broken = answers.code == BROKEN
    near = np.zeros(len(answers.code), dtype=bool)
    for moment in kills:
        near |= (
            (answers.sent < moment + 1.0) & (answers.received >= moment) & (answers.received < moment + 5.0)
        )
    failed = int((broken & ~near).sum())
    torn = strayed = 0
    spans = asked_for(bench.history)
    for code, body in answers.bodies.items():
        chosen = answers.code == code
        version = answers.version(code)
        if version is None:
            failed += int(chosen.sum())
        elif abs(json.loads(body.partition(" ")[2])["scores"][0] - bench.scores.get(version, np.inf)) > 1e-9:
            torn += int(chosen.sum())
        else:
            fits = np.zeros(int(chosen.sum()), dtype=bool)
            for begin, end in spans.get(version, ()):
                fits |= (answers.received[chosen] >= begin) & (answers.sent[chosen] <= end)
            strayed += int((~fits).sum())
    return {"failed": failed, "torn": torn, "strayed": strayed, "killed": int((broken & near).sum())}


def asked_for(history: list[tuple[float, str]]) -> dict[str, list[tuple[float, float]]]:
    """Return the spans in which each version may answer: from its change until all follow the next."""
    spans: dict[str, list[tuple[float, float]]] = {}
    current: str | None = None
    leaving: list[tuple[str, float]] = []
    began = 0.0
    for moment, what in history:
        if what == "settled":
            for version, since in leaving:
                spans.setdefault(version, []).append((since, moment))
            leaving = []
        elif what != current:
            if current is not None:
                leaving.append((current, began))
            current, began = what, moment
    if current is not None:
        spans.setdefault(current, []).append((began, float("inf")))
    for version, since in leaving:
        spans.setdefault(version, []).append((since, float("inf")))
    return spans


if __name__ == "__main__":
    print(json.dumps(failed_requests(), indent=1))
