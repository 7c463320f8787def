"""The broker of the embedded set-up: each message once, whole, whoever reads and writes at the same time."""

from __future__ import annotations

import json
import multiprocessing
import uuid
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from dminbox import file_broker

WRITERS, MESSAGES = 3, 150


@pytest.fixture
def options(tmp_path):
    for name in ("queue", "control"):
        (tmp_path / name).mkdir()
    folders = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
    return {key: str(tmp_path / name) for key, name in folders.items()}


@pytest.fixture
def name() -> str:
    """A queue's name of this test's own: kombu remembers per process what it has bound, whatever the folder."""
    return f"sync-{uuid.uuid4().hex}"


def connect(options) -> Connection:
    file_broker.register()
    return Connection("files://", transport_options=options)


def write(options, name: str, writer: int) -> None:
    with connect(options) as connection:
        queue = connection.SimpleQueue(name)
        for number in range(MESSAGES):
            queue.put({"writer": writer, "number": number, "filler": "x" * 5000})


def read(options, name: str, found) -> None:
    with connect(options) as connection:
        queue = connection.SimpleQueue(name)
        while True:
            try:
                message = queue.get(timeout=3)
            except Empty:
                return
            found.put((message.payload["writer"], message.payload["number"]))
            message.ack()


def test_many_writers_and_readers_pass_each_message_once(options, name):
    fork = multiprocessing.get_context("fork")
    found = fork.Queue()
    group = [fork.Process(target=write, args=(options, name, writer)) for writer in range(WRITERS)]
    group += [fork.Process(target=read, args=(options, name, found)) for _ in range(2)]
    for process in group:
        process.start()
    got = [found.get(timeout=60) for _ in range(WRITERS * MESSAGES)]
    for process in group:
        process.join(60)
        assert process.exitcode == 0
    assert sorted(got) == [(writer, number) for writer in range(WRITERS) for number in range(MESSAGES)]
    assert found.empty()
    assert list(Path(options["data_folder_in"]).iterdir()) == []


def test_a_spoiled_file_is_dropped_and_the_next_message_comes(options, name):
    with connect(options) as connection:
        queue = connection.SimpleQueue(name)
        (Path(options["data_folder_in"]) / f"000000000000000_spoiled.{name}.msg").write_text('{"half": ')
        queue.put({"whole": True})
        message = queue.get(timeout=3)
        message.ack()
        assert message.payload == {"whole": True}
    assert list(Path(options["data_folder_in"]).iterdir()) == []


def test_messages_of_another_queue_stay(options, name):
    with connect(options) as connection:
        connection.SimpleQueue(name + "-media").put({"for": "media"})
        with pytest.raises(Empty):
            connection.SimpleQueue(name).get(block=False)
        assert connection.SimpleQueue(name + "-media").get(timeout=3).payload == {"for": "media"}


def test_binding_again_and_again_keeps_one_row_per_queue(options, name):
    with connect(options) as connection:
        for _ in range(3):
            connection.SimpleQueue(name).put({})
        connection.SimpleQueue(name + "-media").put({})
    tables = [json.loads(file.read_text()) for file in Path(options["control_folder"]).glob("*.exchange")]
    rows = [tuple(row) for table in tables for row in table]
    assert len(rows) == len(set(rows)) == 2
