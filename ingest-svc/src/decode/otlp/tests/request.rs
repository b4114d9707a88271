//! Requests to send: OpenTelemetry's own types, made in short, and their JSON as the mapping of OTLP has it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::{Value, json};

/// Makes a request of one resource and one scope.
pub(super) fn request(
    resource: Vec<KeyValue>,
    scope: Option<InstrumentationScope>,
    log_records: Vec<LogRecord>,
) -> Request {
    let resource = Some(Resource { attributes: resource, ..Resource::default() });
    let scope_logs = vec![ScopeLogs { scope, log_records, ..ScopeLogs::default() }];
    Request { resource_logs: vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }] }
}

/// Makes a request of one record of the service `pay`.
pub(super) fn request_of(record: LogRecord) -> Request {
    request(vec![text("service.name", "pay")], None, vec![record])
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Kind::StringValue(value.to_owned()))
}

pub(super) fn attribute(key: &str, value: Kind) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value_of(value)), ..KeyValue::default() }
}

pub(super) fn value_of(value: Kind) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(super) fn array(values: Vec<Kind>) -> Kind {
    Kind::ArrayValue(ArrayValue { values: values.into_iter().map(value_of).collect() })
}

pub(super) fn object(values: Vec<KeyValue>) -> Kind {
    Kind::KvlistValue(KeyValueList { values })
}

/// Returns a request in the JSON mapping.
pub(super) fn json_of(request: &Request) -> Value {
    json!({"resourceLogs": request.resource_logs.iter().map(|logs| json!({
        "resource": logs.resource.as_ref().map(|one| json!({"attributes": key_values(&one.attributes)})),
        "scopeLogs": logs.scope_logs.iter().map(|logs| json!({
            "scope": logs.scope.as_ref().map(|one| json!({
                "name": one.name, "version": one.version, "attributes": key_values(&one.attributes)})),
            "logRecords": logs.log_records.iter().map(json_of_record).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })).collect::<Vec<_>>()})
}

fn json_of_record(record: &LogRecord) -> Value {
    json!({
        "timeUnixNano": record.time_unix_nano.to_string(),
        "observedTimeUnixNano": record.observed_time_unix_nano.to_string(),
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": record.body.as_ref().map(json_of_any),
        "attributes": key_values(&record.attributes),
        "droppedAttributesCount": record.dropped_attributes_count,
        "flags": record.flags,
        "traceId": hex::encode_upper(&record.trace_id),
        "spanId": hex::encode(&record.span_id),
        "eventName": record.event_name,
    })
}

fn key_values(values: &[KeyValue]) -> Value {
    let of = |one: &KeyValue| json!({"key": one.key, "value": one.value.as_ref().map(json_of_any)});
    values.iter().map(of).collect()
}

fn json_of_any(value: &AnyValue) -> Value {
    let Some(value) = &value.value else { return json!({}) };
    match value {
        Kind::StringValue(text) => json!({"stringValue": text}),
        Kind::BoolValue(value) => json!({"boolValue": value}),
        Kind::IntValue(number) => json!({"intValue": number.to_string()}),
        Kind::DoubleValue(number) if number.is_finite() => json!({"doubleValue": number}),
        Kind::DoubleValue(number) if number.is_nan() => json!({"doubleValue": "NaN"}),
        Kind::DoubleValue(number) if *number > 0.0 => json!({"doubleValue": "Infinity"}),
        Kind::DoubleValue(_) => json!({"doubleValue": "-Infinity"}),
        Kind::ArrayValue(array) => {
            json!({"arrayValue": {"values": array.values.iter().map(json_of_any).collect::<Vec<_>>()}})
        }
        Kind::KvlistValue(list) => json!({"kvlistValue": {"values": key_values(&list.values)}}),
        Kind::BytesValue(bytes) => json!({"bytesValue": STANDARD.encode(bytes)}),
        Kind::StringValueStrindex(_) => json!({}),
    }
}
