"""What schemathesis has to be told about our bodies: how lines of JSON are written."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines_of_json(ctx, value):
    """Sends a text as it is. Anything else violates the schema, which asks for a text: it becomes a line that is no record."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return json.dumps(json.dumps(value)).encode() + b"\n"
