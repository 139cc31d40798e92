"""What a call over gRPC takes of the server, beside the same request over HTTP and grpcio's own server."""

from __future__ import annotations

import base64
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from report import Report
from serving_cost import CONNECTIONS, JSON, OCTETS, Case, measured, ours, show, world_in
from serving_model import table_of
from serving_servers import PEERS, Server, free_port, served

from stagecraft.serving.rows import rows_of
from stagecraft.serving.rpc.messages import PredictRequest, Struct


def grpc_figures(report: Report, folder: Path) -> None:
    """A row over gRPC, 16 connections with one call each as over HTTP; and with one connection."""
    world = world_in(folder)
    port, other = free_port(), free_port()
    with ExitStack() as stack:
        us = stack.enter_context(ours(folder, world.store, {"gbdt": world.model}, "--grpc-port", str(port)))
        command = [str(PEERS / "serve_grpcio.py"), "{port}", str(other)]
        command += [world.store.root, world.model.fingerprint]
        them = stack.enter_context(served(command, folder, "/"))
        raw = [{"floats": row} for row in world.raw_rows()]
        texts = [{"json": row} for row in world.json_rows()]
        values = [{"values": {"rows": [_struct(row)]}} for row in rows_of(table_of(world.matrix))]

        def case(name: str, server: Server, at: int, forms: list[dict[str, Any]], one: bool = False) -> Case:
            requests = [PredictRequest(model="gbdt", **form).SerializeToString() for form in forms]
            plan = world.plan(at, [], "", "", "grpc")
            return Case(
                name,
                server,
                replace(
                    plan,
                    requests=[base64.b64encode(request).decode() for request in requests],
                    scores=[[score] for score in world.scores],
                    client="serving_grpc_client.py",
                    connections=1 if one else CONNECTIONS,
                    at_once=CONNECTIONS if one else 1,
                ),
                [],
            )

        path, asked = "/models/gbdt/predict", world.json_rows(b'"model":"gbdt",')
        cases = [
            Case("HTTP, raw float32", us, world.plan(us.port, world.raw_rows(), path, OCTETS, "floats"), []),
            case("gRPC, raw float32", us, port, raw),
            case("gRPC, raw float32, one connection", us, port, raw, one=True),
            case("grpcio's own server, raw float32", them, other, raw),
            Case("HTTP, JSON", us, world.plan(us.port, asked, "/predict", JSON, "scores"), []),
            case("gRPC, JSON", us, port, texts),
            case("gRPC, values", us, port, values),
        ]
        measured(cases)
        show("One row of 40 columns, 100 trees of depth 6, over gRPC", cases)
    report.figure("grpc_over_http_cpu", cases[1].cost / cases[0].cost, "<=", 5)


def _struct(row: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(row)
    return made
