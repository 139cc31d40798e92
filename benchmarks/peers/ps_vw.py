"""Vowpal Wabbit beside our training: FTRL, one pass over its binary cache.

It runs in a Python that has the package ``vowpalwabbit``: ours, or the one that ``VW_PYTHON`` names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from cost import Cost, cost_of

PYTHON = os.environ.get("VW_PYTHON", sys.executable)
COMMAND = [PYTHON, "-m", "vowpalwabbit", "--quiet", "--noconstant"]
LEARN = ["--loss_function", "logistic", "--ftrl", "--ftrl_alpha", "0.1", "--ftrl_beta", "1"]


def is_there() -> bool:
    """Whether the package can be imported."""
    return subprocess.run([PYTHON, "-c", "import vowpalwabbit"], capture_output=True).returncode == 0


class VowpalWabbit:
    """One dataset's training, and its predictions.

    :param folder: for its cache and its model
    :param bits: weights are numbered by the last bits of a feature
    """

    def __init__(self, folder: Path, text: Path, bits: int) -> None:
        self._cache, self._model = folder / "vw.cache", folder / "vw.model"
        self._bits = ["-b", str(bits)]
        # Reading text makes the cache; it is not counted.
        cost_of([*COMMAND, *self._bits, "--noop", "-d", str(text), "--cache_file", str(self._cache), "-k"])

    def train(self) -> Cost:
        """Train from the cache, and write the model."""
        read = ["--cache_file", str(self._cache), "--passes", "1"]
        return cost_of([*COMMAND, *self._bits, *LEARN, *read, "-f", str(self._model)])

    def margins(self, text: Path) -> np.ndarray:
        """Return the trained model's margins of the rows in a text."""
        target = self._model.with_suffix(".margins")
        cost_of([*COMMAND, "-t", "-i", str(self._model), "-d", str(text), "-r", str(target)])
        return np.loadtxt(target, usecols=0)
