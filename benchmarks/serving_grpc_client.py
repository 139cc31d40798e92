"""A gRPC client in a process of its own, as :mod:`serving_client`: grpcio's, every answer checked."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from dataclasses import asdict

import grpc
from serving_client import Load, Plan

from stagecraft.serving.rpc.messages import PACKAGE, PredictResponse

PREDICT = f"/{PACKAGE}.Prediction/Predict"


class Client:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.requests = [base64.b64decode(each) for each in plan.requests]
        self.known: set[tuple[int, bytes]] = set()
        self.latencies: list[float] = []
        self.failed = self.wrong = self.sent = 0
        self.first_wrong: str | None = None

    async def run(self) -> Load:
        # A channel shares its connection with others of the same options, unless it has a pool of its own.
        options = [("grpc.use_local_subchannel_pool", 1)]
        address = f"127.0.0.1:{self.plan.port}"
        channels = [grpc.aio.insecure_channel(address, options) for _ in range(self.plan.connections)]
        began = time.perf_counter()
        each = [channel.unary_unary(PREDICT) for channel in channels for _ in range(self.plan.at_once)]
        await asyncio.gather(*[self._ask(call, began + self.plan.seconds) for call in each])
        wall = time.perf_counter() - began
        for channel in channels:
            await channel.close()
        return Load(len(self.latencies), self.failed, self.wrong, wall, self.latencies, self.first_wrong)

    async def _ask(self, call: grpc.aio.UnaryUnaryMultiCallable, end: float) -> None:
        while (began := time.perf_counter()) < end:
            number = self.sent % len(self.requests)
            self.sent += 1
            try:
                answer = await call(self.requests[number])
            except grpc.RpcError as error:
                self.failed += 1
                self.first_wrong = self.first_wrong or str(error)
                answer = None
            self.latencies.append(time.perf_counter() - began)
            if answer is not None and (number, answer) not in self.known:
                self._check(number, answer)

    def _check(self, number: int, answer: bytes) -> None:
        scores = list(PredictResponse.FromString(answer).scores)
        assert self.plan.scores is not None
        expected = self.plan.scores[number]
        right = len(scores) == len(expected) and all(
            abs(one - other) <= self.plan.tolerance for one, other in zip(scores, expected, strict=True)
        )
        if right:
            self.known.add((number, answer))
        else:
            self.wrong += 1
            self.first_wrong = self.first_wrong or f"{scores[:3]} for {expected[:3]}"


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(Client(Plan(**json.load(sys.stdin))).run()))))
