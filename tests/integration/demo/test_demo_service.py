"""The demo's prediction service runs, and the ``curl`` line that the demo ends with gets an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import psutil
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.demo.client import RestError, request
from stagecraft.demo.results import curl_line, predict, prediction_request
from stagecraft.demo.service import PredictionService
from stagecraft.errors import StagecraftError
from stagecraft.transforms.categorical import FittedIndex
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictionService]:
    home = tmp_path_factory.mktemp("demo")
    service = PredictionService(home / "serving", str(home / "store"), workers=1)
    service.start()
    try:
        service.wait_ready()
        yield service
    finally:
        service.stop()


def committed_model(store: Store) -> Model:
    """A logistic regression on two columns, one of them with text that a shell would take for its own."""
    encode = Encode(
        encodings=[
            NumericEncoding(column="wind", maps=[FittedFill(value=1.0)]),
            SlotEncoding(columns=["name"], output="name", map=FittedIndex(vocabulary=["a"])),
        ],
    )
    chain = Chain((encode,))
    weights = np.linspace(-1, 1, chain.layout.dimension).astype(np.float32)
    golden = pa.table({"wind": [None, 3.0], "name": ["it's $HOME", "a"]})
    draft = store.draft(Kind.MODEL, "5" * 32, lineage={"stage": "test"})
    fill_model(draft, chain.then(Linear.of(chain.layout, weights)), golden, labels=["no", "yes"])
    made = draft.commit()
    assert isinstance(made, Model)
    return made


def test_nothing_is_asked_before_a_model_is_deployed(service: PredictionService) -> None:
    with pytest.raises(StagecraftError, match="no model is deployed"):
        prediction_request(service.url, service.home, Store(service.store_root))


def test_the_curl_line_gets_the_models_own_score(service: PredictionService) -> None:
    store = Store(service.store_root)
    model = committed_model(store)
    deployment = {"name": "late", "version": "1", "uri": model.uri}
    request(f"{service.url}/models", method="POST", body=deployment, token=service.token)
    body = prediction_request(service.url, service.home, store)
    assert body == {"model": "late", "rows": [{"wind": None, "name": "it's $HOME"}]}
    assert curl_line(service.url, body).startswith(f"curl -s {service.url}/predict ")
    answer = json.loads(predict(service.url, body))
    assert answer["scores"] == pytest.approx([model.golden()["score"][0].as_py()], abs=1e-6)


def test_the_token_is_needed_and_readable_by_its_owner_alone(service: PredictionService) -> None:
    assert service.token_file.stat().st_mode & 0o077 == 0
    with pytest.raises(RestError) as refused:
        request(f"{service.url}/models", method="POST", body={"name": "x", "version": "1", "uri": "/x"})
    assert refused.value.status == 401


def test_it_listens_on_the_loopback_alone_and_leaves_nothing(service: PredictionService) -> None:
    processes = service.processes()
    own = {process.pid for process in processes}
    addresses = {
        found.laddr.ip
        for found in psutil.net_connections("inet")
        if found.pid in own and found.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}
    port = service.port
    service.stop()
    assert [process for process in processes if process.is_running()] == []
    assert service.choose_port() == port
