# requires: opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
"""OpenTelemetry's own SDK and OTLP/HTTP exporter, plain and gzip: every record is found once, with its attributes and ids.

SENTINEL_INGEST_URL, SENTINEL_QUERY_URL and SENTINEL_KEY say where, and with which key.
"""

import os
import sys
import uuid

import requests
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import TraceFlags

INGEST = os.environ["SENTINEL_INGEST_URL"].rstrip("/")
QUERY = os.environ["SENTINEL_QUERY_URL"].rstrip("/")
KEY = os.environ["SENTINEL_KEY"]

RECORDS = 500
NANOS = 1_743_508_800_000_000_000


def trace_id(number):
    return (0xABCDEF << 64) + number + 1


def send(service, compression):
    exporter = OTLPLogExporter(
        endpoint=f"{INGEST}/v1/logs", headers={"Authorization": f"Bearer {KEY}"}, compression=compression
    )
    resource = Resource.create({"service.name": service, "host.name": "web-1", "deployment.environment": "test"})
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_export_batch_size=64))
    logger = provider.get_logger("shipper.otlp", "1.0")
    for number in range(RECORDS):
        logger.emit(
            LogRecord(
                timestamp=NANOS + number * 1_000_000,
                trace_id=trace_id(number),
                span_id=number + 1,
                trace_flags=TraceFlags(1),
                severity_number=SeverityNumber.WARN,
                severity_text="WARN",
                body=f"message {number} \u00e4",
                attributes={"number": number, "ratio": number / 4, "even": number % 2 == 0, "tags": ["a", "b"]},
            )
        )
    # Returns when everything is exported, and so is on disk.
    provider.shutdown()


def found(service):
    logs, cursor = [], None
    while True:
        query = {"service": service, "limit": 1000, "order": "asc"}
        if cursor:
            query["cursor"] = cursor
        answer = requests.get(f"{QUERY}/logs", params=query, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)
        answer.raise_for_status()
        logs += answer.json()
        cursor = answer.headers.get("X-Next-Cursor")
        if not cursor:
            return logs


def check(service):
    logs = {log["message"]: log for log in found(service)}
    count = len(found(service))
    assert count == RECORDS and len(logs) == RECORDS, f"{service}: {count} found, {len(logs)} different"
    for number in range(RECORDS):
        log = logs[f"message {number} \u00e4"]
        assert log["level"] == "WARN" and log["host"] == "web-1", log
        assert log["trace_id"] == f"{trace_id(number):032x}" and log["span_id"] == f"{number + 1:016x}", log
        attributes = log["attributes"]
        own = {name: attributes[name] for name in ("number", "ratio", "even", "tags")}
        assert own == {"number": number, "ratio": number / 4, "even": number % 2 == 0, "tags": ["a", "b"]}, log
        assert attributes["deployment.environment"] == "test", log
        assert attributes["otel.scope.name"] == "shipper.otlp" and attributes["otel.scope.version"] == "1.0", log
        assert attributes["telemetry.sdk.language"] == "python", log


def main():
    for compression in (Compression.NoCompression, Compression.Gzip):
        service = f"otlp-{compression.name.lower()}-{uuid.uuid4().hex[:8]}"
        send(service, compression)
        check(service)
        print(f"otlp: {RECORDS} records of {service} found, each once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
