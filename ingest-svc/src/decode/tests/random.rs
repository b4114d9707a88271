//! Random bodies: valid ones decode to what was sent, in every shape; no body at all makes the decoder panic.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const OPTIONAL_TEXTS: [&str; 3] = ["trace_id", "span_id", "host"];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "\\PC{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

fn attribute() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

/// A random valid record, its attributes under names `a…` inside and `u…` outside of `attributes`.
fn valid_record() -> impl Strategy<Value = Value> {
    let attributes = prop::collection::btree_map("a[a-zä\"\\\\]{0,4}", attribute(), 0..4);
    let unknown = prop::collection::btree_map("u[a-zä\"\\\\\n]{0,4}", attribute(), 0..4);
    let texts = prop::collection::vec(prop::option::of("\\PC{1,8}"), OPTIONAL_TEXTS.len());
    (any::<String>(), "[a-zä$]{1,8}", 1..=24_u64, any::<u32>(), texts, attributes, unknown).prop_map(
        |(message, service, severity, seconds, texts, attributes, unknown)| {
            let mut record: Map<String, Value> = unknown.into_iter().collect();
            let attributes: Map<String, Value> = attributes.into_iter().collect();
            for (name, text) in OPTIONAL_TEXTS.iter().zip(texts) {
                record.insert((*name).to_owned(), json!(text));
            }
            let fixed = [
                ("message", json!(message)),
                ("service", json!(service)),
                ("level", json!(severity)),
                ("timestamp", json!(seconds)),
                ("attributes", json!(attributes)),
            ];
            record.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
            Value::Object(record)
        },
    )
}

/// Writes JSON with every character beyond ASCII as an escape, as many libraries do.
fn in_ascii(json: &str) -> String {
    let escaped = |c: char| -> String {
        c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    };
    json.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect()
}

fn assert_same(sent: &Value, record: &RecordRef<'_>) -> Result<(), TestCaseError> {
    let text = |name: &str| sent[name].as_str().unwrap_or_default();
    prop_assert_eq!(record.message.as_bytes(), text("message").as_bytes());
    prop_assert_eq!(record.service, text("service"));
    prop_assert_eq!(
        (record.trace_id, record.span_id, record.host),
        (text("trace_id"), text("span_id"), text("host"))
    );
    prop_assert_eq!(Some(u64::from(record.severity.number())), sent["level"].as_u64());
    prop_assert_eq!(Some(record.timestamp.as_micros() / 1_000_000), sent["timestamp"].as_i64());

    let is_unknown = |name: &&String| name.starts_with('u');
    let mut expected = sent["attributes"].as_object().cloned().unwrap_or_default();
    let unknown = sent.as_object().unwrap().iter().filter(|(name, _)| is_unknown(name));
    expected.extend(unknown.map(|(name, value)| (name.clone(), value.clone())));
    let stored = if record.attributes.is_empty() { "{}" } else { record.attributes };
    prop_assert_eq!(serde_json::from_str::<Value>(stored).unwrap(), Value::Object(expected));
    Ok(())
}

fn bodies_of(records: &[Value]) -> Vec<(BodyFormat, String)> {
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    let array = format!("[{}]", lines.join(","));
    let pretty = serde_json::to_string_pretty(records).unwrap();
    vec![
        (BodyFormat::Json, array.clone()),
        (BodyFormat::Json, pretty),
        (BodyFormat::Json, in_ascii(&array)),
        (BodyFormat::Json, format!("{{\"logs\":{array}}}")),
        // The number that no `f64` holds makes the array take the careful way.
        (BodyFormat::Json, format!("[{},1e999]", lines.join(","))),
        (BodyFormat::NdJson, lines.join("\n")),
        (BodyFormat::NdJson, in_ascii(&lines.join("\r\n"))),
    ]
}

proptest! {
    #[test]
    fn valid_records_decode_to_what_was_sent_in_every_shape(
        records in prop::collection::vec(valid_record(), 1..5),
    ) {
        for (format, body) in bodies_of(&records) {
            let decoded = decode_as(format, &body).unwrap();
            prop_assert_eq!(decoded.batch.len(), records.len(), "{} {:?}", body, decoded.errors);
            for (sent, record) in records.iter().zip(decoded.batch.iter()) {
                assert_same(sent, &record)?;
            }
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for format in [BodyFormat::Json, BodyFormat::NdJson, BodyFormat::Text] {
            let _ = decode_as(format, &bytes);
        }
    }

    #[test]
    fn no_json_like_text_makes_the_decoder_panic(
        tokens in prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..24),
    ) {
        let body = tokens.concat();
        for format in [BodyFormat::Json, BodyFormat::NdJson, BodyFormat::Text] {
            let _ = decode_as(format, &body);
        }
        agree_in_both_ways(&body)?;
    }

    #[test]
    fn mutated_bodies_are_answered_alike_in_both_ways(
        records in prop::collection::vec(valid_record(), 1..3),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&TOKENS[..])), 1..3),
    ) {
        let mut body: Vec<char> = json!(records).to_string().chars().collect();
        for (place, token) in changes {
            let at = place.index(body.len());
            body.splice(at..=at, token.chars());
        }
        agree_in_both_ways(&body.into_iter().collect::<String>())?;
    }
}

/// Texts of which odd JSON is made.
const TOKENS: [&str; 24] = [
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "\\",
    "\\ud800",
    "\\udc00",
    "\\u0000",
    "1e999",
    "-0",
    "9.0",
    "null",
    "true",
    "\"message\"",
    "\"service\"",
    "\"attributes\":{",
    "\"level\":",
    "\"timestamp\":",
    "{\"logs\":[",
    "\n",
    "é",
];

/// Checks that the array `body` says the same about each record when an element forces it the careful way.
fn agree_in_both_ways(body: &str) -> Result<(), TestCaseError> {
    let Some(rest) = body.trim_start().strip_prefix('[') else { return Ok(()) };
    let forced = format!("[1e999,{rest}");
    let (Ok(fast), Ok(careful)) = (decode_as(BodyFormat::Json, body), decode_as(BodyFormat::Json, &forced))
    else {
        return Ok(());
    };
    prop_assert_eq!(fast.rejected + 1, careful.rejected);
    prop_assert!(fast.batch.iter().eq(careful.batch.iter()));
    let shifted: Vec<_> =
        faults(&fast).into_iter().map(|(index, field, code)| (index + 1, field, code)).collect();
    prop_assert_eq!(&shifted[..], &faults(&careful)[1..]);
    Ok(())
}
