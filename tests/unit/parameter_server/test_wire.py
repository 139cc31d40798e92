"""Arrays over sockets."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest

from stagecraft.parameter_server.wire import TOKEN_BYTES, Address, Refused, Severed, admit, connect, listen

TOKEN = bytes(range(TOKEN_BYTES))


def pair(token=TOKEN):
    """A worker's end, and what the shard's end makes of it."""
    listener = listen("127.0.0.1")
    worker = connect(Address(*listener.getsockname()), token, rank=3, incarnation=7)
    link, _ = listener.accept()
    listener.close()
    return worker, admit(link, TOKEN)


def test_arrays_arrive_as_they_were_sent():
    worker, (shard, rank, incarnation) = pair()
    assert (rank, incarnation) == (3, 7)
    sent = [np.arange(400_000, dtype=np.int32), np.empty((0, 2), np.float32), np.eye(300)[::2]]
    thread = threading.Thread(target=worker.send, args=sent)
    thread.start()
    for array in sent:
        got = shard.receive(np.empty(array.shape, array.dtype))
        assert np.array_equal(got, array)
    thread.join()


def test_an_answer_is_what_was_asked_for_or_says_why_it_is_not():
    worker, (shard, _, _) = pair()
    shard.answer(np.arange(3))
    worker.answered()
    assert worker.receive(np.empty(3, np.int64)).tolist() == [0, 1, 2]
    shard.refuse("it has no room left — a größer Knoten would do")
    with pytest.raises(Refused, match="ps_train: it has no room left — a größer Knoten would do"):
        worker.answered()


def test_a_stranger_is_not_admitted():
    worker, admitted = pair(token=b"?" * TOKEN_BYTES)
    assert admitted is None
    with pytest.raises(Severed):
        worker.receive(np.empty(1))


def test_a_stranger_that_says_too_little():
    one, other = socket.socketpair()
    one.sendall(b"GET /")
    one.close()
    assert admit(other, TOKEN) is None


def test_a_closed_end_severs_the_other_one():
    worker, (shard, _, _) = pair()
    refused = []

    def wait():
        with pytest.raises(Severed):
            shard.receive(np.empty(4))
        refused.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    worker.send(np.ones(1))
    worker.close()
    thread.join(5)
    assert refused


def test_nobody_listens():
    listener = listen("127.0.0.1")
    address = Address(*listener.getsockname())
    listener.close()
    with pytest.raises(Severed, match=str(address.port)):
        connect(address, TOKEN, 0, 1)
