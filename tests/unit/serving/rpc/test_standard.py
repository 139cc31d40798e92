"""Health and reflection, without a server."""

from __future__ import annotations

import asyncio
from typing import Any

from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from stagecraft.serving.rpc.standard import HEALTH, REFLECTIONS, Health, Reflection
from stagecraft.serving.rpc.status import Code

Status = health_pb2.HealthCheckResponse


def sent(request: Any) -> bytes:
    data = request.SerializeToString()
    return bytes(5 - len(size := len(data).to_bytes(4, "big"))) + size + data


def received(body: bytes, kind: Any) -> list[Any]:
    found = []
    while body:
        size = int.from_bytes(body[1:5], "big")
        found.append(kind.FromString(body[5 : 5 + size]))
        body = body[5 + size :]
    return found


def test_who_watches_hears_that_the_service_leaves(peer_of: Any) -> None:
    async def run() -> None:
        health = Health(["a.B"])
        peer = peer_of(health.methods())
        numbers = []
        for name in ("", "a.B", "c.D"):
            numbers.append(peer.begin(f"/{HEALTH}/Watch"))
            peer.send(numbers[-1], sent(health_pb2.HealthCheckRequest(service=name)), end=True)
        for leave in (False, True):
            if leave:
                health.leave()
            for _ in range(5):
                await asyncio.sleep(0)
            peer.exchange()
            assert {peer.answers[number].ended for number in numbers} == {leave}
        statuses = [[each.status for each in received(peer.answers[at].body, Status)] for at in numbers]
        assert statuses == [[Status.SERVING, Status.NOT_SERVING]] * 2 + [[Status.SERVICE_UNKNOWN]]
        assert {peer.answers[number].status for number in numbers} == {Code.UNAVAILABLE}

    asyncio.run(run())


def test_both_names_of_reflection_list_the_services(peer_of: Any) -> None:
    async def run() -> None:
        peer = peer_of(Reflection(["stagecraft.v1.Prediction"]).methods())
        for service in REFLECTIONS:
            number = peer.begin(f"/{service}/ServerReflectionInfo")
            request = reflection_pb2.ServerReflectionRequest(list_services="*")
            peer.send(number, sent(request) + sent(reflection_pb2.ServerReflectionRequest()), end=True)
            for _ in range(5):
                await asyncio.sleep(0)
            peer.exchange()
            listed, refused = received(peer.answers[number].body, reflection_pb2.ServerReflectionResponse)
            names = {each.name for each in listed.list_services_response.service}
            assert names == {"stagecraft.v1.Prediction", HEALTH, *REFLECTIONS}
            assert refused.error_response.error_code == Code.INVALID_ARGUMENT

    asyncio.run(run())
