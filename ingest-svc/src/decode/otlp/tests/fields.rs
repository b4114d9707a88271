//! What each field of a log record, its scope and its resource becomes.

use domain::limits::RecordLimits;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::json;

use super::request::{array, attribute, object, request, request_of, text, value_of};
use super::*;

fn full_record() -> LogRecord {
    LogRecord {
        time_unix_nano: EARLIER_NANOS,
        observed_time_unix_nano: LATER_NANOS,
        severity_number: 14,
        severity_text: "WARNING".to_owned(),
        body: Some(value_of(Kind::StringValue("Payment \"late\"".to_owned()))),
        attributes: vec![text("order", "17"), attribute("latency_ms", Kind::IntValue(-815))],
        dropped_attributes_count: 3,
        flags: 1,
        trace_id: (0x10..0x20).collect(),
        span_id: (0xF8..=0xFF).collect(),
        event_name: "payment.late".to_owned(),
    }
}

#[test]
fn every_field_has_its_place() {
    let resource = vec![text("service.name", "pay"), text("host.name", "web-1"), text("k8s.pod", "pay-0")];
    let (name, version) = ("lib.pay".to_owned(), "1.2".to_owned());
    let scope =
        InstrumentationScope { name, version, attributes: vec![text("short", "x")], ..Default::default() };

    let record = record_of(&request(resource, Some(scope), vec![full_record()]));

    assert_eq!(record.timestamp.as_micros(), 1_743_500_000_123_456);
    assert_eq!(record.received_at.as_micros(), ARRIVAL_MICROS);
    assert_eq!((record.severity.number(), record.message.as_str()), (14, "Payment \"late\""));
    assert_eq!((record.service.as_str(), record.host.as_str()), ("pay", "web-1"));
    assert_eq!(record.trace_id, "101112131415161718191a1b1c1d1e1f");
    assert_eq!(record.span_id, "f8f9fafbfcfdfeff");
    let expected = json!({
        "order": "17", "latency_ms": -815, "event.name": "payment.late", "flags": 1, "dropped_attributes_count": 3,
        "observed_timestamp": "2025-04-01T09:33:21Z", "k8s.pod": "pay-0", "short": "x",
        "otel.scope.name": "lib.pay", "otel.scope.version": "1.2",
    });
    assert_eq!(attributes(&record), expected);
}

#[test]
fn a_record_without_anything_is_a_record_all_the_same() {
    let record = record_of(&request(vec![], None, vec![LogRecord::default()]));
    assert_eq!((record.service.as_str(), record.message.as_str()), ("unknown_service", ""));
    assert_eq!((record.severity.number(), record.timestamp.as_micros()), (9, ARRIVAL_MICROS));
    assert_eq!([record.trace_id, record.span_id, record.host, record.attributes], ["", "", "", ""]);
}

#[test]
fn the_time_is_the_senders_else_the_observers() {
    let times = |time_unix_nano, observed_time_unix_nano| {
        let log = LogRecord { time_unix_nano, observed_time_unix_nano, ..LogRecord::default() };
        let record = record_of(&request_of(log));
        (record.timestamp.as_micros(), attributes(&record))
    };
    assert_eq!(times(0, EARLIER_NANOS), (1_743_500_000_123_456, json!({})));
    assert_eq!(times(EARLIER_NANOS, EARLIER_NANOS + 1), (1_743_500_000_123_456, json!({})));
    let late = LogRecord { time_unix_nano: u64::MAX, ..LogRecord::default() };
    let refused = decode(&request_of(late));
    assert_eq!(faults(&refused), [(0, Some("timestamp"), "timestamp_out_of_range")]);
}

#[test]
fn the_severity_is_the_number_else_the_text_and_no_text_is_lost() {
    let severity = |severity_number, severity_text: &str| {
        let severity_text = severity_text.to_owned();
        let record =
            record_of(&request_of(LogRecord { severity_number, severity_text, ..Default::default() }));
        (record.severity.number(), attributes(&record))
    };
    assert_eq!(severity(17, ""), (17, json!({})));
    assert_eq!(severity(17, "Error"), (17, json!({})));
    assert_eq!(severity(17, "info"), (17, json!({"severity_text": "info"})));
    assert_eq!(severity(0, "warn"), (13, json!({})));
    assert_eq!(severity(0, "audit"), (9, json!({"severity_text": "audit"})));
    assert_eq!(severity(25, "fatal"), (21, json!({"severity_number": 25})));
    assert_eq!(severity(-1, ""), (9, json!({"severity_number": -1})));
}

#[test]
fn ids_of_zeros_are_none_and_others_are_kept() {
    let ids = |trace_id: &[u8], span_id: &[u8]| {
        let (trace_id, span_id) = (trace_id.to_vec(), span_id.to_vec());
        let record = record_of(&request_of(LogRecord { trace_id, span_id, ..LogRecord::default() }));
        (record.trace_id, record.span_id)
    };
    assert_eq!(ids(&[0; 16], &[0; 8]), (String::new(), String::new()));
    assert_eq!(ids(&[0xAB, 0], &[]), ("ab00".to_owned(), String::new()));
    let long = LogRecord { trace_id: vec![1; 65], ..LogRecord::default() };
    assert_eq!(faults(&decode(&request_of(long))), [(0, Some("trace_id"), "too_long")]);
}

#[test]
fn a_body_that_is_no_text_is_json_and_an_object_can_be_searched_by_its_members() {
    let record =
        |body| record_of(&request_of(LogRecord { body: Some(value_of(body)), ..LogRecord::default() }));
    let object = object(vec![text("event", "login"), attribute("ok", Kind::BoolValue(true))]);
    let structured = record(object);
    assert_eq!(structured.message, r#"{"event":"login","ok":true}"#);
    assert_eq!(attributes(&structured), json!({"body": {"event": "login", "ok": true}}));
    for (body, message) in [
        (Kind::IntValue(5), "5"),
        (Kind::BytesValue(b"\xff\xfe".to_vec()), "\"//4=\""),
        (array(vec![Kind::StringValue("a".to_owned())]), "[\"a\"]"),
    ] {
        let plain = record(body);
        assert_eq!((plain.message.as_str(), attributes(&plain)), (message, json!({})));
    }
}

#[test]
fn of_two_attributes_with_one_name_the_records_keeps_it() {
    let names = |prefix: &str| vec![text("a", prefix), text("b", prefix), text("flags", prefix)];
    let resource = [vec![text("service.name", "pay")], names("resource")].concat();
    let scope = InstrumentationScope { attributes: names("scope"), ..Default::default() };
    let own = vec![text("a", "log"), text("resource.a", "log"), text("flags", "log")];
    let log = LogRecord { attributes: own, flags: 1, ..LogRecord::default() };
    let plain = LogRecord::default();

    let decoded = decode(&request(resource, Some(scope), vec![log, plain]));

    let [first, second] = [0, 1].map(|index| attributes(&stored(&decoded)[index]));
    let expected = json!({
        "a": "log", "resource.a": "log", "flags": "log", "otel.flags": 1,
        "resource.resource.a": "resource", "b": "resource", "resource.flags": "resource",
        "scope.a": "scope", "scope.b": "scope", "scope.flags": "scope",
    });
    assert_eq!(first, expected);
    let expected = json!({
        "a": "resource", "b": "resource", "flags": "resource",
        "scope.a": "scope", "scope.b": "scope", "scope.flags": "scope",
    });
    assert_eq!(second, expected);
}

#[test]
fn of_two_attributes_of_a_record_with_one_name_the_last_stays() {
    let own = ["a", "b", "a", "c", "b"].iter().zip(1..);
    let attributes_of_log = own.map(|(name, n)| attribute(name, Kind::IntValue(n))).collect();
    let log = LogRecord { attributes: attributes_of_log, ..LogRecord::default() };
    let record = record_of(&request_of(log));
    assert_eq!(record.attributes, r#"{"a":3,"c":4,"b":5}"#);
}

#[test]
fn a_bound_key_sends_logs_of_its_own_service_only() {
    let logs = |service: &[KeyValue]| request(service.to_vec(), None, vec![LogRecord::default(); 2]);
    let sent =
        |name| decode_bound(&RecordLimits::STANDARD, Some("pay"), &logs(&[text("service.name", name)]));
    for decoded in [
        decode_bound(&RecordLimits::STANDARD, Some("pay"), &logs(&[])),
        sent("pay"),
        sent(""),
        sent("unknown_service"),
        sent("unknown_service:python"),
    ] {
        assert!(stored(&decoded).iter().all(|record| record.service == "pay"));
        assert_eq!((decoded.batch.len(), decoded.rejected), (2, 0));
    }
    let mismatch = [(0, Some("service"), "service_mismatch"), (1, Some("service"), "service_mismatch")];
    assert_eq!(faults(&sent("auth")), mismatch);
    assert_eq!(faults(&sent("unknown_services")), mismatch);
}

#[test]
fn the_service_and_the_host_are_columns_where_they_can_be() {
    let record = |service, host| {
        let resource = vec![attribute("service.name", service), attribute("host.name", host)];
        decode(&request(resource, None, vec![LogRecord::default()]))
    };
    let name = |text: &str| Kind::StringValue(text.to_owned());
    let odd = stored(&record(Kind::IntValue(7), Kind::IntValue(8))).remove(0);
    assert_eq!((odd.service.as_str(), odd.host.as_str()), ("7", ""));
    assert_eq!(attributes(&odd), json!({"host.name": 8}));
    let long_host = stored(&record(name("pay"), name(&"h".repeat(257)))).remove(0);
    assert_eq!((long_host.host.as_str(), long_host.attributes.len()), ("", 257 + 16));
    let broken = record(name("p\u{7}"), name("h"));
    assert_eq!(faults(&broken), [(0, Some("service"), "invalid_service")]);
}

#[test]
fn each_resource_and_scope_is_its_own() {
    let part = |service: &str, scope: &str| {
        let scope = InstrumentationScope { name: scope.to_owned(), ..Default::default() };
        request(vec![text("service.name", service)], Some(scope), vec![LogRecord::default()]).resource_logs
    };
    let mut logs = [part("a", "x"), part("b", "")].concat();
    let bare = request(vec![], None, vec![LogRecord::default()]).resource_logs.remove(0).scope_logs;
    logs[0].scope_logs.extend(bare);
    logs.push(opentelemetry_proto::tonic::logs::v1::ResourceLogs::default());

    let decoded = decode(&Request { resource_logs: logs });

    let all: Vec<_> = stored(&decoded).into_iter().map(|one| (one.service, one.attributes)).collect();
    let expected = [("a", r#"{"otel.scope.name":"x"}"#), ("a", ""), ("b", "")];
    assert_eq!(all, expected.map(|(service, attributes)| (service.to_owned(), attributes.to_owned())));
}
