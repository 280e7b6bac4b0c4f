"""A schema comes from the program that asks, perhaps from a server it does not trust: nothing in it is fetched."""

from __future__ import annotations

import socket
import threading

import pytest

from handrail.errors import InvalidInput
from handrail.lifecycle.review import check_schema


def test_check_a_schema_that_refers_elsewhere_refuses_and_fetches_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.3)
        asked: list[object] = []
        watch = threading.Thread(target=_accept, args=(listener, asked))
        watch.start()
        where = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
        with pytest.raises(InvalidInput, match="not in it"):
            check_schema({"properties": {"to": {"$ref": where}}}, {"to": "A1"}, "the edit does not fit")
        watch.join()
    assert asked == []


def test_check_a_schema_that_refers_to_itself_works() -> None:
    schema = {"properties": {"to": {"$ref": "#/$defs/name"}}, "$defs": {"name": {"type": "string"}}}
    check_schema(schema, {"to": "A1"}, "the edit does not fit")
    with pytest.raises(InvalidInput, match="/to"):
        check_schema(schema, {"to": 1}, "the edit does not fit")


def _accept(listener: socket.socket, asked: list[object]) -> None:
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return
    asked.append(connection)
    connection.close()
