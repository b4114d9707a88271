//! Values of every kind, and the limits that they have.

use domain::limits::RecordLimits;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use serde_json::json;

use super::request::{array, attribute, object, request, request_of, text, value_of};
use super::*;

#[test]
fn values_of_every_kind_are_attributes() {
    let attributes_of_log = vec![
        text("text", "a\n\"b\" \u{1f600}"),
        attribute("bool", Kind::BoolValue(false)),
        attribute("int", Kind::IntValue(i64::MIN)),
        attribute("double", Kind::DoubleValue(0.25)),
        attribute("whole", Kind::DoubleValue(2.0)),
        attribute("nan", Kind::DoubleValue(f64::NAN)),
        attribute("infinite", Kind::DoubleValue(f64::NEG_INFINITY)),
        attribute("bytes", Kind::BytesValue(vec![0, 255])),
        attribute("array", array(vec![Kind::IntValue(1), array(vec![]), object(vec![])])),
        attribute("object", object(vec![text("x \"y\"", "1"), KeyValue::default()])),
        KeyValue { key: "nothing".to_owned(), ..KeyValue::default() },
        attribute("", Kind::IntValue(1)),
    ];
    let record = record_of(&request_of(LogRecord { attributes: attributes_of_log, ..LogRecord::default() }));
    let expected = json!({
        "text": "a\n\"b\" \u{1f600}", "bool": false, "int": i64::MIN, "double": 0.25, "whole": 2.0, "nan": "NaN",
        "infinite": "-Infinity", "bytes": "AP8=", "array": [1, [], {}], "object": {"x \"y\"": "1", "": null},
        "nothing": null, "": 1,
    });
    assert_eq!(attributes(&record), expected);
}

/// Decodes a record with a good one behind it, and returns what is wrong with the first.
fn fault_of(limits: &RecordLimits, log: LogRecord) -> (Option<String>, &'static str) {
    let decoded = decode_bound(limits, None, &request(vec![], None, vec![log, LogRecord::default()]));
    assert_eq!((decoded.batch.len(), decoded.rejected), (1, 1), "the record behind it is good");
    assert_eq!(decoded.errors[0].index, 0);
    (decoded.errors[0].field.clone(), decoded.errors[0].code)
}

fn with_attributes(attributes: Vec<KeyValue>) -> LogRecord {
    LogRecord { attributes, ..LogRecord::default() }
}

fn nested(levels: usize) -> Kind {
    (0..levels).fold(Kind::IntValue(1), |inner, level| {
        if level % 2 == 0 { array(vec![inner]) } else { object(vec![attribute("k", inner)]) }
    })
}

#[test]
fn attributes_beyond_a_limit_refuse_their_record_only() {
    let limits = RecordLimits {
        attributes: 2,
        attribute_name_bytes: 4,
        attribute_value_bytes: 10,
        ..RecordLimits::STANDARD
    };
    let shallow = RecordLimits { attributes_depth: 4, ..RecordLimits::STANDARD };
    let fault = |attributes| fault_of(&limits, with_attributes(attributes));
    let of = |field: &str, code| (Some(field.to_owned()), code);
    let texts = |names: &[&str]| names.iter().map(|name| text(name, "v")).collect::<Vec<_>>();

    assert_eq!(fault(texts(&["a", "b", "c"])), of("attributes", "too_many_attributes"));
    assert_eq!(fault(texts(&["abcde"])), of("attributes.abcde", "too_long"));
    assert_eq!(fault(vec![text("a", "123456789")]), of("attributes.a", "too_long"));
    assert_eq!(fault(vec![text("a", "1234567\n8")]), of("attributes.a", "too_long"));
    let deep = with_attributes(vec![attribute("a\"", nested(4))]);
    assert_eq!(fault_of(&shallow, deep), of("attributes.a\\\"", "too_deep"));
    let fits =
        [(limits, vec![text("abcd", "12345678"), text("b", "")]), (shallow, vec![attribute("b", nested(3))])];
    for (limits, attributes) in fits {
        let fits = decode_bound(&limits, None, &request(vec![], None, vec![with_attributes(attributes)]));
        assert_eq!(fits.rejected, 0, "{:?}", fits.errors);
    }
}

#[test]
fn a_sender_or_a_scope_beyond_a_limit_refuses_its_records() {
    let limits = RecordLimits { attribute_value_bytes: 10, ..RecordLimits::STANDARD };
    let long = vec![text("a", "123456789")];
    let scope = InstrumentationScope { attributes: long.clone(), ..Default::default() };
    let logs = || vec![LogRecord::default(); 2];
    for request in [request(long, None, logs()), request(vec![], Some(scope), logs())] {
        let decoded = decode_bound(&limits, None, &request);
        let expected = [(0, Some("attributes.a"), "too_long"), (1, Some("attributes.a"), "too_long")];
        assert_eq!(faults(&decoded), expected);
    }
}

#[test]
fn a_body_beyond_a_limit_refuses_its_record_only() {
    let limits = RecordLimits { message_bytes: 10, ..RecordLimits::STANDARD };
    let shallow = RecordLimits { attributes_depth: 4, ..RecordLimits::STANDARD };
    let fault_of = |limits: &RecordLimits, body| {
        fault_of(limits, LogRecord { body: Some(value_of(body)), ..LogRecord::default() })
    };
    let fault = |body| fault_of(&limits, body);
    let too_long = (Some("message".to_owned()), "too_long");
    assert_eq!(fault(Kind::StringValue("12345678901".to_owned())), too_long);
    assert_eq!(fault(array(vec![Kind::StringValue("12345678".to_owned())])), too_long);
    assert_eq!(fault_of(&shallow, nested(5)), (Some("message".to_owned()), "too_deep"));
}

#[test]
fn a_body_that_is_too_large_or_deep_for_an_attribute_is_a_message_all_the_same() {
    let limits = RecordLimits { attribute_value_bytes: 10, attributes_depth: 4, ..RecordLimits::STANDARD };
    let deep = object(vec![attribute("k", nested(3))]);
    for body in [object(vec![text("k", "123456")]), deep] {
        let log = LogRecord {
            body: Some(value_of(body)),
            attributes: vec![text("a", "1")],
            flags: 1,
            ..Default::default()
        };
        let decoded = decode_bound(&limits, None, &request(vec![], None, vec![log]));
        assert_eq!(attributes(&stored(&decoded)[0]), json!({"a": "1", "flags": 1}), "{:?}", decoded.errors);
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    let scalar = prop_oneof![
        any::<String>().prop_map(Kind::StringValue),
        any::<bool>().prop_map(Kind::BoolValue),
        any::<i64>().prop_map(Kind::IntValue),
        any::<f64>().prop_map(Kind::DoubleValue),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Kind::BytesValue),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(array),
            prop::collection::vec(("\\PC{0,6}", inner), 0..4)
                .prop_map(|members| object(members.iter().map(|(k, v)| attribute(k, v.clone())).collect())),
        ]
    })
}

fn key_values() -> impl Strategy<Value = Vec<KeyValue>> {
    let name =
        prop_oneof!["[a-c]", "\\PC{0,5}", Just("otel.flags".to_owned()), Just("resource.a".to_owned())];
    let member = (name, kind()).prop_map(|(name, value)| attribute(&name, value));
    prop::collection::vec(member, 0..5)
}

fn log_record() -> impl Strategy<Value = LogRecord> {
    let numbers = (any::<u64>(), any::<u64>(), -2..30_i32, any::<u32>(), any::<u32>());
    let texts = (any::<String>(), any::<String>(), prop::option::of(kind()));
    let ids = (prop::collection::vec(any::<u8>(), 0..70), prop::collection::vec(any::<u8>(), 0..9));
    (numbers, texts, ids, key_values()).prop_map(|(numbers, texts, ids, attributes)| LogRecord {
        time_unix_nano: numbers.0,
        observed_time_unix_nano: numbers.1 / 2,
        severity_number: numbers.2,
        severity_text: texts.0,
        body: texts.2.map(value_of),
        attributes,
        dropped_attributes_count: numbers.3 % 2,
        flags: numbers.4 % 2,
        trace_id: ids.0,
        span_id: ids.1,
        event_name: texts.1,
    })
}

proptest! {
    #[test]
    fn both_encodings_give_the_same_records_with_one_attribute_of_a_name(
        resource in key_values(),
        scope in key_values(),
        logs in prop::collection::vec(log_record(), 0..4),
    ) {
        let scope = InstrumentationScope { attributes: scope, ..InstrumentationScope::default() };
        let count = logs.len() as u64;
        let decoded = decode(&request(resource, Some(scope), logs));
        prop_assert_eq!(decoded.batch.len() as u64 + decoded.rejected, count);
        for record in stored(&decoded) {
            let text = if record.attributes.is_empty() { "{}" } else { &record.attributes };
            let members: Vec<(String, Value)> = members_of(text);
            let mut names: Vec<_> = members.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(names.len(), members.len(), "{}", text);
        }
    }
}

/// Returns the members of an object, as often as they are there.
fn members_of(object: &str) -> Vec<(String, Value)> {
    struct Members;
    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, Value)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    let mut json = serde_json::Deserializer::from_str(object);
    serde::Deserializer::deserialize_map(&mut json, Members).expect("attributes are an object")
}
