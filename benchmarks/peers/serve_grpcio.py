"""The same answers from grpcio's own server, whose pool of threads takes less CPU than its asyncio."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc

from stagecraft.artifacts.store import Store
from stagecraft.serving.answers import Answers
from stagecraft.serving.manifest import Version
from stagecraft.serving.manifest_file import ManifestFile
from stagecraft.serving.monitor import Monitor
from stagecraft.serving.rpc.heads import Head
from stagecraft.serving.rpc.messages import PredictRequest
from stagecraft.serving.rpc.prediction import Prediction
from stagecraft.serving.settings import Settings
from stagecraft.serving.table import ModelTable


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


class Handler(grpc.GenericRpcHandler):
    def __init__(self, prediction: Prediction) -> None:
        head = Head("", 200, b"", b"identity", None, None)

        def answer(data: bytes, context: grpc.ServicerContext) -> bytes:
            found = prediction.predict_few(PredictRequest.FromString(data), head)
            assert found is not None
            return bytes(found.SerializeToString())

        self.method = grpc.unary_unary_rpc_method_handler(answer)

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return self.method


def main(port: int, rpc_port: int, store_root: str, fingerprint: str) -> None:
    store = Store(store_root)
    table = ModelTable(ManifestFile(tempfile.mkdtemp()), store)
    artifact = Version(uri=store.artifact_uri(fingerprint), fingerprint=fingerprint)
    table.file.update(lambda manifest: manifest.deployed("gbdt", "1", artifact))
    asyncio.run(table.refresh())
    answers = Answers(table, Monitor(sample=0.01), Settings(root="", store_root=store_root))
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([Handler(Prediction(answers))])
    server.add_insecure_port(f"127.0.0.1:{rpc_port}")
    server.start()
    HTTPServer(("127.0.0.1", port), Ready).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
