//! The same logs in the form of each protocol: time, service, severity, message and attributes.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;
use domain::Timestamp;
use prost::Message;
use serde_json::{Map, Value, json};

use super::Door;
use super::messages::{loki, otlp};
use crate::bench::log_set::SetLog;

/// A request's body.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) path: &'static str,
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

impl Body {
    /// Writes logs, which are batch `number`.
    pub(super) fn of(door: Door, logs: &[SetLog<'_>], number: u64) -> anyhow::Result<Self> {
        let (path, content_type, bytes) = match door {
            Door::Json => ("/logs", JSON, json_records(logs)?),
            Door::OtlpProtobuf => ("/v1/logs", PROTOBUF, otlp_request(logs)?.encode_to_vec()),
            Door::OtlpJson => ("/v1/logs", JSON, otlp_json(logs)?),
            Door::LokiProtobuf => ("/loki/api/v1/push", PROTOBUF, loki_protobuf(logs)?),
            Door::LokiJson => ("/loki/api/v1/push", JSON, loki_json(logs)?),
            Door::Bulk => ("/elasticsearch/_bulk", "application/x-ndjson", bulk(logs, None)?),
            Door::BulkWithIds => ("/elasticsearch/_bulk", "application/x-ndjson", bulk(logs, Some(number))?),
            Door::SyslogTcp => ("", "", syslog(logs)?),
        };
        Ok(Self { path, content_type, bytes })
    }
}

fn attributes(log: &SetLog<'_>) -> anyhow::Result<Map<String, Value>> {
    if log.attributes.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(&log.attributes).context("attributes are a JSON object")
}

fn time(log: &SetLog<'_>) -> String {
    Timestamp::saturating_from_micros(i64::try_from(log.timestamp_micros).unwrap_or(i64::MAX)).to_string()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn json_records(logs: &[SetLog<'_>]) -> anyhow::Result<Vec<u8>> {
    let records = logs.iter().map(|log| {
        let attributes = attributes(log)?;
        anyhow::Ok(json!({"timestamp": time(log), "service": log.service, "severity": log.severity,
            "message": log.message, "attributes": attributes}))
    });
    Ok(serde_json::to_vec(&records.collect::<Result<Vec<_>, _>>()?)?)
}

/// The logs of each service, as a collector groups them.
fn by_service<'l, 's>(logs: &'l [SetLog<'s>]) -> BTreeMap<&'s str, Vec<&'l SetLog<'s>>> {
    let mut services: BTreeMap<&str, Vec<&SetLog<'_>>> = BTreeMap::new();
    for log in logs {
        services.entry(log.service).or_default().push(log);
    }
    services
}

fn severity_number(log: &SetLog<'_>) -> i32 {
    match log.severity {
        Some("DEBUG") => 5,
        Some("WARN") => 13,
        Some("ERROR") => 17,
        _ => 9,
    }
}

fn otlp_request(logs: &[SetLog<'_>]) -> anyhow::Result<otlp::Request> {
    let mut resource_logs = Vec::new();
    for (service, logs) in by_service(logs) {
        let mut records = Vec::new();
        for log in logs {
            let attributes = attributes(log)?;
            records.push(otlp::Record {
                time_unix_nano: log.timestamp_micros * 1000,
                severity_number: severity_number(log),
                severity_text: log.severity.unwrap_or_default().to_owned(),
                body: Some(otlp::AnyValue::text(&log.message)),
                attributes: attributes.iter().map(|(name, value)| otlp::KeyValue::of(name, value)).collect(),
            });
        }
        let name = otlp::KeyValue::of("service.name", &Value::from(service));
        resource_logs.push(otlp::ResourceLogs {
            resource: Some(otlp::Resource { attributes: vec![name] }),
            scope_logs: vec![otlp::ScopeLogs { records }],
        });
    }
    Ok(otlp::Request { resource_logs })
}

fn otlp_json(logs: &[SetLog<'_>]) -> anyhow::Result<Vec<u8>> {
    let key_value = |(name, value): (&String, &Value)| {
        let value = match value.as_i64() {
            Some(number) => json!({"intValue": number.to_string()}),
            None => json!({"stringValue": text(value)}),
        };
        json!({"key": name, "value": value})
    };
    let mut resource_logs = Vec::new();
    for (service, logs) in by_service(logs) {
        let mut records = Vec::new();
        for log in logs {
            let attributes: Vec<Value> = attributes(log)?.iter().map(key_value).collect();
            records.push(json!({"timeUnixNano": (log.timestamp_micros * 1000).to_string(),
                "severityNumber": severity_number(log), "severityText": log.severity,
                "body": {"stringValue": log.message}, "attributes": attributes}));
        }
        let name = json!({"key": "service.name", "value": {"stringValue": service}});
        resource_logs
            .push(json!({"resource": {"attributes": [name]}, "scopeLogs": [{"logRecords": records}]}));
    }
    Ok(serde_json::to_vec(&json!({"resourceLogs": resource_logs}))?)
}

fn loki_protobuf(logs: &[SetLog<'_>]) -> anyhow::Result<Vec<u8>> {
    let mut streams: BTreeMap<String, Vec<loki::Entry>> = BTreeMap::new();
    for log in logs {
        let labels =
            format!("{{service_name=\"{}\", level=\"{}\"}}", log.service, log.severity.unwrap_or("INFO"));
        let pair = |(name, value): (&String, &Value)| loki::Pair { name: name.clone(), value: text(value) };
        streams.entry(labels).or_default().push(loki::Entry {
            timestamp: Some(loki::Timestamp::of_micros(log.timestamp_micros)),
            line: log.message.to_string(),
            metadata: attributes(log)?.iter().map(pair).collect(),
        });
    }
    let streams = streams.into_iter().map(|(labels, entries)| loki::Stream { labels, entries }).collect();
    let message = loki::Push { streams }.encode_to_vec();
    Ok(snap::raw::Encoder::new().compress_vec(&message)?)
}

fn loki_json(logs: &[SetLog<'_>]) -> anyhow::Result<Vec<u8>> {
    let mut streams: BTreeMap<(&str, Option<&str>), Vec<Value>> = BTreeMap::new();
    for log in logs {
        let metadata: Map<String, Value> =
            attributes(log)?.iter().map(|(name, value)| (name.clone(), text(value).into())).collect();
        let nanos = (log.timestamp_micros * 1000).to_string();
        streams.entry((log.service, log.severity)).or_default().push(json!([nanos, log.message, metadata]));
    }
    let streams = streams.into_iter().map(
        |((service, level), values)| json!({"stream": {"service_name": service, "level": level}, "values": values}),
    );
    Ok(serde_json::to_vec(&json!({"streams": streams.collect::<Vec<_>>()}))?)
}

fn bulk(logs: &[SetLog<'_>], number: Option<u64>) -> anyhow::Result<Vec<u8>> {
    let mut lines = String::new();
    for (place, log) in logs.iter().enumerate() {
        let mut document = attributes(log)?;
        document.insert("@timestamp".to_owned(), time(log).into());
        document.insert("message".to_owned(), log.message.as_ref().into());
        document.insert("level".to_owned(), log.severity.into());
        document.insert("service".to_owned(), log.service.into());
        let action = match number {
            Some(number) => json!({"create": {"_index": "logs", "_id": format!("{number}-{place}")}}),
            None => json!({"create": {"_index": "logs"}}),
        };
        writeln!(lines, "{action}\n{}", Value::Object(document))?;
    }
    Ok(lines.into_bytes())
}

fn syslog(logs: &[SetLog<'_>]) -> anyhow::Result<Vec<u8>> {
    /// The facility local0.
    const FACILITY: u8 = 16;
    let mut stream = Vec::new();
    for log in logs {
        let severity = match log.severity {
            Some("DEBUG") => 7,
            Some("WARN") => 4,
            Some("ERROR") => 3,
            _ => 6,
        };
        let mut data = String::new();
        for (name, value) in attributes(log)? {
            let value = text(&value);
            let _ = write!(data, " {name}=\"{value}\"");
        }
        let data = if data.is_empty() { "-".to_owned() } else { format!("[attributes@1{data}]") };
        let (priority, time) = (FACILITY * 8 + severity, time(log));
        let message = format!("<{priority}>1 {time} web-1 {} - - {data} {}", log.service, log.message);
        stream.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
    }
    Ok(stream)
}
