# requires: elasticsearch requests
"""Elasticsearch's own client for Python: bulk, streaming_bulk, and repeats after a lost answer."""

import os
import socket
import threading
from urllib.parse import urlsplit

import requests
from elasticsearch import Elasticsearch, helpers

URL = os.environ["SENTINEL_INGEST_URL"]
QUERY_URL = os.environ["SENTINEL_QUERY_URL"]
KEY = os.environ["SENTINEL_KEY"]
DOCUMENTS = 2000


def messages(service: str) -> list[str]:
    """Returns the message of every log of a service."""
    found, cursor = [], None
    while True:
        query = {"service": service, "limit": 1000}
        if cursor:
            query["cursor"] = cursor
        answer = requests.get(f"{QUERY_URL}/logs", params=query, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
        answer.raise_for_status()
        found += [log["message"] for log in answer.json()]
        cursor = answer.headers.get("X-Next-Cursor")
        if not cursor:
            return found


def expect_once(service: str, expected: list[str]) -> None:
    """Fails unless the logs of a service have these messages, each once."""
    found = messages(service)
    missing, more = set(expected) - set(found), len(found) - len(set(found))
    assert sorted(found) == sorted(expected), f"{service}: {len(missing)} missing, {more} twice, {len(found)} in all"


def documents(index: str, numbers: range, with_id: bool = True):
    """Makes the actions of documents."""
    for number in numbers:
        action = {"_op_type": "create", "_index": index, "@timestamp": "2025-04-01T12:00:00Z", "log.level": "warn",
                  "message": f"document {number}", "number": number}
        yield action | ({"_id": f"doc-{number}"} if with_id else {})


def texts(numbers: range) -> list[str]:
    return [f"document {number}" for number in numbers]


class LosingProxy:
    """Passes connections on, and closes the first ones when their answer comes: it was stored, and nobody is told."""

    def __init__(self, answers_to_lose: int) -> None:
        self.to_lose = answers_to_lose
        self.lost = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            target = urlsplit(URL)
            server = socket.create_connection((target.hostname, target.port))
            threading.Thread(target=self.pump, args=(client, server), daemon=True).start()
            threading.Thread(target=self.answer, args=(server, client), daemon=True).start()

    @staticmethod
    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass

    def answer(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := server.recv(65536):
                with self.lock:
                    is_lost = self.lost < self.to_lose and b'"items"' in data
                    self.lost += is_lost
                if is_lost:
                    break
                client.sendall(data)
        except OSError:
            pass
        for end in (client, server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main() -> None:
    client = Elasticsearch(f"{URL}/elasticsearch", api_key=("shipper", KEY), request_timeout=60)
    assert client.ping() and client.info()["tagline"] == "You Know, for Search"
    assert client.indices.exists(index="logs-python-default")

    everything = range(DOCUMENTS)
    stored, errors = helpers.bulk(client, documents("py-bulk", everything), chunk_size=300)
    assert (stored, errors) == (DOCUMENTS, []), (stored, errors)
    # Again, cut in other pieces, with some that are new.
    more = range(DOCUMENTS + 100)
    stored, errors = helpers.bulk(client, documents("py-bulk", more), chunk_size=170)
    assert (stored, errors) == (DOCUMENTS + 100, []), (stored, errors)
    expect_once("py-bulk", texts(more))

    of_no_name = documents("py-stream", everything, with_id=False)
    results = list(helpers.streaming_bulk(client, of_no_name, chunk_size=500))
    ids = {result["create"]["_id"] for ok, result in results if ok}
    assert len(ids) == DOCUMENTS, "every document has an id of its own"
    expect_once("py-stream", texts(everything))

    bad = {"_op_type": "create", "_index": "py-bad", "@timestamp": "yesterday", "message": "bad"}
    mixed = [*documents("py-bad", range(5)), bad, {"_op_type": "delete", "_index": "py-bad", "_id": "doc-1"}]
    stored, errors = helpers.bulk(client, mixed, raise_on_error=False)
    assert stored == 5 and [next(iter(error.values()))["status"] for error in errors] == [400, 400], errors
    expect_once("py-bad", texts(range(5)))

    proxy = LosingProxy(answers_to_lose=3)
    lossy = Elasticsearch(f"http://127.0.0.1:{proxy.port}/elasticsearch", basic_auth=("elastic", KEY),
                          request_timeout=60, retry_on_timeout=True, max_retries=5)
    stored, errors = helpers.bulk(lossy, documents("py-lossy", everything), chunk_size=250)
    assert (stored, errors, proxy.lost) == (DOCUMENTS, [], 3), (stored, errors, proxy.lost)
    expect_once("py-lossy", texts(everything))
    print(f"{3 * DOCUMENTS + 105} documents, each there once; 3 answers lost")


main()
