"""The flight model's chain in scikit-learn and XGBoost behind FastAPI: ``uvicorn peers.serve_fastapi:app``.

The fitted chain lies in the file that ``CHAIN`` names.
"""

from __future__ import annotations

import os
from typing import Any

import joblib
import numpy as np
import pandas as pd
import scipy.sparse
import xgboost
from fastapi import FastAPI
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler


class FlightChain:
    """Fill and scale, index and hash; trees; their leaves and what was encoded to a logistic regression."""

    def __init__(self, numeric: list[str], indexed: list[str], hashed: list[str], bits: int) -> None:
        self.hashed = hashed
        self.columns = [*numeric, *indexed]
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
        self.encoder = ColumnTransformer([("numbers", numbers, numeric), ("codes", codes, indexed)])
        self.hasher = FeatureHasher(1 << bits, input_type="string", alternate_sign=False)
        self.slots = OneHotEncoder(handle_unknown="ignore")
        self.trees = xgboost.XGBClassifier(n_estimators=60, max_depth=5, learning_rate=0.1, n_jobs=1)
        self.leaves = OneHotEncoder(handle_unknown="ignore")
        self.model = LogisticRegression(max_iter=100)
        self.numbers = len(numeric)

    def fit(self, rows: pd.DataFrame, label: np.ndarray) -> FlightChain:
        encoded = self.encoder.fit_transform(rows[self.columns])
        self.trees.fit(encoded, label)
        self.leaves.fit(self.trees.apply(encoded))
        self.slots.fit(encoded[:, self.numbers :])
        self.model.fit(self._features(rows, encoded), label)
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        found: np.ndarray = self.model.predict_proba(
            self._features(rows, self.encoder.transform(rows[self.columns]))
        )
        return found[:, 1]

    def answer(self, rows: list[dict[str, Any]]) -> list[float]:
        """Score rows as requests have them."""
        frame = pd.DataFrame(rows)
        numbers = self.columns[: self.numbers]
        scores: list[float] = self.predict(frame.astype(dict.fromkeys(numbers, "float64"))).tolist()
        return scores

    def _features(self, rows: pd.DataFrame, encoded: np.ndarray) -> Any:
        texts = rows[self.hashed].fillna("").to_numpy()
        hashed = self.hasher.transform(
            [f"{name}={value}" for name, value in zip(self.hashed, row, strict=True)] for row in texts
        )
        leaves = self.leaves.transform(self.trees.apply(encoded))
        slots = self.slots.transform(encoded[:, self.numbers :])
        return scipy.sparse.hstack([encoded[:, : self.numbers], slots, hashed, leaves], format="csr")


app = FastAPI()
chain: FlightChain | None = joblib.load(os.environ["CHAIN"]) if "CHAIN" in os.environ else None


@app.get("/ready")
def ready() -> bool:
    return True


@app.post("/predict")
async def predict(body: dict[str, list[dict[str, Any]]]) -> dict[str, list[float]]:
    assert chain is not None
    return {"scores": chain.answer(body["rows"])}
