"""A gRPC client takes the exported service config and does what it says, counted by a server that fails."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.targets.shop import NETWORK, knobs_of, moved, sample
from workbench.network import Network
from workbench.targets import grpc_service_config as target

grpc = pytest.importorskip("grpc")

KNOBS = knobs_of("grpc_service_config")
METHOD = "/shop.Orders/Place"


class Failing(grpc.GenericRpcHandler):
    """A server that answers UNAVAILABLE, or waits when asked to, and notes when each try came."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.answer)

    def answer(self, request: bytes, context) -> bytes:
        self.times.append(time.monotonic())
        if request == b"wait":
            time.sleep(0.3)
            return b""
        context.abort(grpc.StatusCode.UNAVAILABLE, "out of order")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Failing, str]]:
    failing, running = Failing(), grpc.server(ThreadPoolExecutor(4))
    running.add_generic_rpc_handlers((failing,))
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    yield failing, f"127.0.0.1:{port}"
    running.stop(0)


def tried(
    server: tuple[Failing, str], config: str, request: bytes = b"", calls: int = 1
) -> list[grpc.StatusCode]:
    """Call the server with a service config, and give how each call ended; the tries are in the server."""
    failing, address = server
    failing.times.clear()
    options = [("grpc.service_config", config), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(address, options) as channel:
        call = channel.unary_unary(METHOD)
        ended = []
        for _ in range(calls):
            try:
                call(request, timeout=5)
                ended.append(grpc.StatusCode.OK)
            except grpc.RpcError as error:
                ended.append(error.code())
    return ended


def config(**settings: float) -> str:
    """A new service config with these settings."""
    values = {f"orders/{name.replace('__', '.')}": value for name, value in settings.items()}
    return target.edit(target.blank(KNOBS), values, KNOBS, why={})


@pytest.mark.parametrize("attempts", [2, 3, 5])
def test_a_call_is_tried_as_often_as_the_config_says(server, attempts):
    text = config(retryPolicy__maxAttempts=attempts, retryPolicy__initialBackoff=2, retryPolicy__maxBackoff=4)
    assert tried(server, text) == [grpc.StatusCode.UNAVAILABLE]
    assert len(server[0].times) == attempts


def test_without_a_policy_it_is_tried_once(server):
    tried(server, target.blank(KNOBS))
    assert len(server[0].times) == 1


def test_the_pause_before_a_retry_is_from_0_8_to_1_2_of_the_initial_backoff(server):
    text = config(retryPolicy__maxAttempts=2, retryPolicy__initialBackoff=200, retryPolicy__maxBackoff=400)
    tried(server, text)
    first, second = server[0].times
    assert 0.155 < second - first < 0.5


def test_the_timeout_ends_the_call(server):
    assert tried(server, config(timeout=100), b"wait") == [grpc.StatusCode.DEADLINE_EXCEEDED]
    assert tried(server, config(timeout=60_000), b"wait") == [grpc.StatusCode.OK]


def test_throttling_stops_retries_below_half_of_the_tokens(server):
    """Of 4 tokens more than 2 must be left: each failed try takes one, so that only one retry is made."""
    text = config(
        retryThrottling__maxTokens=4,
        retryThrottling__tokenRatio=100,
        retryPolicy__maxAttempts=5,
        retryPolicy__initialBackoff=2,
        retryPolicy__maxBackoff=2,
    )
    tried(server, text, calls=3)
    assert len(server[0].times) == 2 + 1 + 1


@pytest.mark.parametrize("share", [0.0, 0.37, 1.0])
@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_whatever_is_exported_is_a_config_that_a_channel_takes(server, begin, share):
    text = sample("grpc_service_config") if begin == "sample" else target.blank(KNOBS)
    wanted = moved(KNOBS, share).with_(
        {"orders/retryPolicy.initialBackoff": 2, "orders/retryPolicy.maxBackoff": 2}
    )
    wanted = wanted.with_({"orders/timeout": 60_000, "orders/retryThrottling.maxTokens": 1000})
    after = target.edit(text, wanted, KNOBS, why={})
    assert tried(server, after) == [grpc.StatusCode.UNAVAILABLE]
    assert len(server[0].times) == wanted["orders/retryPolicy.maxAttempts"]


WRONG = {
    "one try": ('"maxAttempts": 3', '"maxAttempts": 1'),
    "a duration without unit": ('"0.002s"', '"0.002"'),
    "no codes": ('["UNAVAILABLE"]', "[]"),
    "a code of no name": ('["UNAVAILABLE"]', '["BUSY"]'),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_channel_refuses_a_config_that_is_wrong(server, wrong):
    right = config(retryPolicy__maxAttempts=3, retryPolicy__initialBackoff=2)
    assert wrong[0] in right
    tried(server, right.replace(*wrong))
    assert len(server[0].times) != 3


def test_a_hedged_call_has_a_policy_of_its_own():
    path = "gateway.calls.orders"
    hedged: Network = NETWORK.set(f"{path}.hedge_s", 0.05).set(f"{path}.attempts", 3)
    knobs = knobs_of("grpc_service_config", hedged)
    assert not [knob for knob in knobs if "retryPolicy" in knob.name]
    text = target.edit(target.blank(knobs), {"orders/hedgingPolicy.hedgingDelay": 50}, knobs, why={})
    policy = json.loads(text)["methodConfig"][0]["hedgingPolicy"]
    assert policy == {"maxAttempts": 2, "nonFatalStatusCodes": ["UNAVAILABLE"], "hedgingDelay": "0.05s"}
