//! Reduces a copy of the OpenAPI document to what the simulator uses and the client generator can read.
//!
//! The generator stops at a request body of several media types, at most schema combinators and at several error shapes.
//! What is kept: `POST /logs`, the header `Idempotency-Key`, a JSON body of one record or an array of them, the 201 answer;
//! of the schemas, the fields named below. Every kept part is looked up in the document and checked first, so that a change
//! of the contract which concerns the simulator fails the build, with a message, and any other does not.
//!
//! Not here: reading files and generating code (`build.rs`). Works on plain JSON, so that the package's tests can run it.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

/// The one path that the simulator posts to.
const PATH: &str = "/logs";
/// The header that makes a repeated request harmless.
const IDEMPOTENCY_HEADER: &str = "Idempotency-Key";
/// Fields of a record that every posted record has.
const RECORD_REQUIRED: [&str; 4] = ["timestamp", "service", "severity", "message"];
/// Fields of a record that some posted records have.
const RECORD_OPTIONAL: [&str; 3] = ["trace_id", "span_id", "host"];
/// Fields of the answer that must be there.
const STORED_REQUIRED: [&str; 2] = ["accepted", "rejected"];
/// Fields of the answer that are absent when nothing was stored.
const STORED_OPTIONAL: [&str; 2] = ["first_id", "last_id"];
/// How deep schemas are followed; also ends a schema that refers to itself.
const MAX_DEPTH: usize = 8;

/// Returns the reduced copy, or says what is missing in `document`.
pub(crate) fn reduce(document: &Value) -> anyhow::Result<Value> {
    let post = &document["paths"][PATH]["post"];
    if !post.is_object() {
        bail!("there is no `POST {PATH}`");
    }
    check_idempotency_header(document, post)?;
    let record = record_schema(document, post)?;
    let stored = stored_schema(document, post)?;
    let json_content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let operation = json!({
        "operationId": "post_logs",
        "parameters": [{ "name": IDEMPOTENCY_HEADER, "in": "header", "schema": { "type": "string" } }],
        "requestBody": {
            "required": true,
            "content": json_content(json!({ "$ref": "#/components/schemas/LogsBody" })),
        },
        "responses": {
            "201": {
                "description": "stored",
                "content": json_content(json!({ "$ref": "#/components/schemas/Stored" })),
            },
        },
    });
    Ok(json!({
        "openapi": "3.0.3",
        "info": { "title": "ingest-svc", "version": document["info"]["version"].as_str().unwrap_or("0") },
        "paths": { PATH: { "post": operation } },
        "components": { "schemas": {
            "NewLogRecord": record,
            "LogsBody": { "oneOf": [
                { "title": "One", "allOf": [{ "$ref": "#/components/schemas/NewLogRecord" }] },
                { "title": "Many", "type": "array", "items": { "$ref": "#/components/schemas/NewLogRecord" } },
            ] },
            "Stored": stored,
        } },
    }))
}

fn check_idempotency_header(document: &Value, post: &Value) -> anyhow::Result<()> {
    let parameters = post["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    for parameter in parameters {
        let parameter = resolve(document, parameter);
        let name = parameter["name"].as_str().unwrap_or_default();
        if parameter["in"] == "header" && name.eq_ignore_ascii_case(IDEMPOTENCY_HEADER) {
            return Ok(());
        }
    }
    bail!("`POST {PATH}` has no header parameter `{IDEMPOTENCY_HEADER}`")
}

fn record_schema(document: &Value, post: &Value) -> anyhow::Result<Value> {
    let body = json_schema(document, &post["requestBody"]).context("the request body")?;
    let found = find_object_with(document, body, "message", MAX_DEPTH)
        .context("the request body has no record: no object with the field `message`")?;
    let mut properties = Map::new();
    for field in RECORD_REQUIRED.iter().chain(&RECORD_OPTIONAL) {
        check_field(document, found, field, "string").context("the record")?;
        properties.insert((*field).to_owned(), json!({ "type": "string" }));
    }
    check_field(document, found, "attributes", "object").context("the record")?;
    properties.insert("attributes".to_owned(), json!({ "type": "object", "additionalProperties": true }));
    Ok(json!({ "type": "object", "properties": properties, "required": RECORD_REQUIRED }))
}

fn stored_schema(document: &Value, post: &Value) -> anyhow::Result<Value> {
    let answer = json_schema(document, &post["responses"]["201"]).context("the answer 201")?;
    let found = find_object_with(document, answer, "accepted", MAX_DEPTH)
        .context("the answer 201 has no object with the field `accepted`")?;
    let mut properties = Map::new();
    for field in STORED_REQUIRED.iter().chain(&STORED_OPTIONAL) {
        check_field(document, found, field, "integer").context("the answer 201")?;
        properties.insert((*field).to_owned(), json!({ "type": "integer", "format": "uint64" }));
    }
    Ok(json!({ "type": "object", "properties": properties, "required": STORED_REQUIRED }))
}

/// The schema of the JSON media type, with or without parameters, of a request body or a response.
fn json_schema<'a>(document: &'a Value, holder: &'a Value) -> anyhow::Result<&'a Value> {
    let content = resolve(document, holder)["content"].as_object().context("it has no content")?;
    let (_, media) = content
        .iter()
        .find(|(kind, _)| kind.split(';').next().is_some_and(|essence| essence.trim() == "application/json"))
        .context("it has no media type `application/json`")?;
    Ok(&media["schema"])
}

/// The first object schema at or below `schema` that has the property `field`, through references, arrays and combinators.
fn find_object_with<'a>(
    document: &'a Value,
    schema: &'a Value,
    field: &str,
    depth: usize,
) -> Option<&'a Value> {
    let depth = depth.checked_sub(1)?;
    let schema = resolve(document, schema);
    if schema["properties"].get(field).is_some() {
        return Some(schema);
    }
    let combined = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    let nested = schema["properties"].as_object().into_iter().flat_map(Map::values);
    combined
        .chain(schema.get("items"))
        .chain(nested)
        .find_map(|inner| find_object_with(document, inner, field, depth))
}

/// Fails unless `object` has `field` and the field takes a value of `kind`; a schema without a type takes any.
fn check_field(document: &Value, object: &Value, field: &str, kind: &str) -> anyhow::Result<()> {
    let schema =
        object["properties"].get(field).with_context(|| format!("the field `{field}` is missing"))?;
    match resolve(document, schema)["type"].as_str() {
        Some(found) if found != kind => bail!("the field `{field}` is of type {found}, expected {kind}"),
        _ => Ok(()),
    }
}

/// Follows `$ref` inside the document; what does not resolve is returned as it is.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let mut value = value;
    for _ in 0..MAX_DEPTH {
        let Some(pointer) = value["$ref"].as_str().and_then(|text| text.strip_prefix('#')) else {
            return value;
        };
        let Some(target) = document.pointer(pointer) else { return value };
        value = target;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        let text = |kind: &str| json!({ "type": kind });
        let record = json!({ "type": "object", "properties": {
            "timestamp": text("string"), "service": text("string"), "severity": {}, "message": text("string"),
            "trace_id": text("string"), "span_id": text("string"), "host": text("string"), "attributes": text("object"),
        } });
        let envelope = json!({ "type": "object", "properties": {
            "logs": { "type": "array", "items": { "$ref": "#/components/schemas/Record" } },
        } });
        let stored = json!({ "type": "object", "properties": {
            "accepted": text("integer"), "rejected": text("integer"),
            "first_id": text("integer"), "last_id": text("integer"),
        } });
        json!({
            "paths": { "/logs": { "post": {
                "parameters": [{ "name": "IDEMPOTENCY-KEY", "in": "header", "schema": text("string") }],
                "requestBody": { "content": {
                    "text/plain": { "schema": text("string") },
                    "application/json; charset=utf-8": { "schema": { "anyOf": [envelope] } },
                } },
                "responses": { "201": { "content": {
                    "application/json; charset=utf-8": { "schema": { "$ref": "#/components/schemas/Answer" } },
                } } },
            } } },
            "components": { "schemas": { "Record": record, "Answer": { "allOf": [stored] } } },
        })
    }

    #[test]
    fn the_record_and_the_answer_are_found_behind_references_and_combinators() {
        let reduced = reduce(&document()).unwrap();

        let schemas = &reduced["components"]["schemas"];
        assert_eq!(schemas["NewLogRecord"]["properties"]["severity"], json!({ "type": "string" }));
        assert_eq!(schemas["Stored"]["required"], json!(STORED_REQUIRED));
        let content = &reduced["paths"][PATH]["post"]["requestBody"]["content"];
        assert_eq!(content.as_object().unwrap().len(), 1);
    }

    #[test]
    fn the_projects_own_document_can_be_reduced() {
        let document = serde_json::from_str(include_str!("../../openapi/ingest-svc.json")).unwrap();

        reduce(&document).unwrap();
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = [
            ("/paths/~1logs/post/parameters/0/name", "`Idempotency-Key`"),
            ("/components/schemas/Record/properties/host/type", "`host` is of type"),
            ("/components/schemas/Answer/allOf/0/properties/last_id/type", "`last_id` is of type"),
        ];
        for (place, expected) in missing {
            let mut document = document();
            *document.pointer_mut(place).unwrap() = json!("other");

            let error = format!("{:#}", reduce(&document).unwrap_err());

            assert!(error.contains(expected), "{error}");
        }
    }
}
