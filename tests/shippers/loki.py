# requires: loki-logger-handler requests
"""A client library of Loki, loki-logger-handler, plain and gzip: every line is found once, with its labels and metadata.

SENTINEL_INGEST_URL, SENTINEL_QUERY_URL and SENTINEL_KEY say where, and with which key.
"""

import json
import logging
import os
import sys
import time
import uuid

import requests
from loki_logger_handler.loki_logger_handler import LokiLoggerHandler

INGEST = os.environ["SENTINEL_INGEST_URL"].rstrip("/")
QUERY = os.environ["SENTINEL_QUERY_URL"].rstrip("/")
KEY = os.environ["SENTINEL_KEY"]

LINES = 500
FOUND_WITHIN_S = 60


def send(service, compressed):
    handler = LokiLoggerHandler(
        url=f"{INGEST}/loki/api/v1/push",
        labels={"app": service, "env": "test"},
        label_keys={"level"},
        additional_headers={"Authorization": f"Bearer {KEY}", "X-Scope-OrgID": "nobody"},
        timeout=1,
        compressed=compressed,
        enable_self_errors=True,
        enable_structured_loki_metadata=True,
        loki_metadata={"library": "loki-logger-handler"},
        loki_metadata_keys=["trace_id", "order"],
    )
    logger = logging.getLogger(service)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    for number in range(LINES):
        metadata = {"trace_id": f"{number:032x}", "order": f"ord-{number}"}
        logger.warning("message %d \u00e4 \"quoted\"", number, extra={"loki_metadata": metadata})


def found(service):
    query = {"service": service, "limit": 1000}
    answer = requests.get(f"{QUERY}/logs", params=query, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def check(service):
    give_up = time.monotonic() + FOUND_WITHIN_S
    # The library sends from a thread of its own, and does not say when it has.
    while len(found(service)) < LINES and time.monotonic() < give_up:
        time.sleep(0.2)
    # The library's lines are objects; what is sent as the line is the message, as it is.
    logs = {json.loads(log["message"])["message"]: log for log in found(service)}
    count = len(found(service))
    assert count == LINES and len(logs) == LINES, f"{service}: {count} found, {len(logs)} different"
    for number in range(LINES):
        log = logs[f"message {number} \u00e4 \"quoted\""]
        assert log["level"] == "WARN" and log["trace_id"] == f"{number:032x}", log
        attributes = log["attributes"]
        assert attributes["env"] == "test" and attributes["order"] == f"ord-{number}", log
        assert attributes["library"] == "loki-logger-handler", log


def main():
    for compressed in (False, True):
        service = f"loki-{'gzip' if compressed else 'plain'}-{uuid.uuid4().hex[:8]}"
        send(service, compressed)
        check(service)
        print(f"loki: {LINES} lines of {service} found, each once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
