//! Tests of the push API's decoder: what a push turns into, in both encodings.

use domain::limits::{BATCH_DECODED_MAX_BYTES, RecordLimits};
use domain::{LogRecord as Stored, ServiceName, Timestamp};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Map, Value, json};

use super::{WireFormat, decode_loki};
use crate::decode::{Context, DecodeError, Decoded};

/// When the requests of these tests arrive: 2025-04-01T12:00:00Z.
const ARRIVAL_MICROS: i64 = 1_743_508_800_000_000;

/// `logproto.PushRequest`, as Loki's clients have it.
#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
    #[prost(uint64, tag = "3")]
    hash: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Time>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Pair>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

type Pairs = Vec<(String, String)>;

/// A line: its time in nanoseconds, its text, its metadata.
type SentLine = (i64, String, Pairs);

/// A stream as a test writes it.
#[derive(Debug)]
struct Sent {
    labels: Pairs,
    lines: Vec<SentLine>,
}

/// Makes pairs in the order of their names, in which the tests' JSON has them.
fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    let mut pairs: Vec<_> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    pairs.sort_unstable();
    pairs
}

/// Makes a stream of one line with metadata.
fn stream(labels: &[(&str, &str)], line: &str, metadata: &[(&str, &str)]) -> Sent {
    let lines = vec![(1_743_500_000_123_456_789, line.to_owned(), pairs(metadata))];
    Sent { labels: pairs(labels), lines }
}

fn protobuf_of(streams: &[Sent]) -> Vec<u8> {
    let entry = |(nanos, line, metadata): &SentLine| Entry {
        timestamp: Some(Time {
            seconds: nanos.div_euclid(1_000_000_000),
            nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).expect("less than a billion"),
        }),
        line: line.clone(),
        metadata: metadata
            .iter()
            .map(|(name, value)| Pair { name: name.clone(), value: value.clone() })
            .collect(),
    };
    let labels = |labels: &[(String, String)]| {
        let quoted = labels.iter().map(|(name, value)| format!("{name}={}", json!(value)));
        format!("{{{}}}", quoted.collect::<Vec<_>>().join(", "))
    };
    let streams = streams.iter().map(|one| Stream {
        labels: labels(&one.labels),
        entries: one.lines.iter().map(entry).collect(),
        hash: 7,
    });
    PushRequest { streams: streams.collect() }.encode_to_vec()
}

fn json_of(streams: &[Sent]) -> String {
    let object = |pairs: &[(String, String)]| {
        pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>()
    };
    let line = |(nanos, line, metadata): &SentLine| {
        let mut values = vec![json!(nanos.to_string()), json!(line)];
        if !metadata.is_empty() {
            values.push(object(metadata).into());
        }
        Value::from(values)
    };
    let stream = |one: &Sent| json!({"stream": object(&one.labels), "values": one.lines.iter().map(line).collect::<Vec<_>>()});
    json!({"streams": streams.iter().map(stream).collect::<Vec<_>>()}).to_string()
}

fn decode_within(
    limits: &RecordLimits,
    bound: Option<&str>,
    encoding: WireFormat,
    body: &[u8],
) -> Result<Decoded, DecodeError> {
    let bound = bound.map(|name| ServiceName::parse(name).expect("a name of a service"));
    let received_at = Timestamp::saturating_from_micros(ARRIVAL_MICROS);
    decode_loki(body, encoding, &Context { received_at, bound_service: bound.as_ref(), limits })
}

fn decode_json(body: &str) -> Result<Decoded, DecodeError> {
    decode_within(&RecordLimits::STANDARD, None, WireFormat::Json, body.as_bytes())
}

fn decode_protobuf(body: &[u8]) -> Result<Decoded, DecodeError> {
    decode_within(&RecordLimits::STANDARD, None, WireFormat::Protobuf, body)
}

/// Decodes a push in both encodings, which have to agree.
fn decode_bound(limits: &RecordLimits, bound: Option<&str>, streams: &[Sent]) -> Decoded {
    let protobuf =
        decode_within(limits, bound, WireFormat::Protobuf, &protobuf_of(streams)).expect("it is a push");
    let json = json_of(streams);
    let decoded = decode_within(limits, bound, WireFormat::Json, json.as_bytes()).expect("it is a push");
    let faults = |decoded: &Decoded| {
        decoded.errors.iter().map(|e| (e.index, e.field.clone(), e.code)).collect::<Vec<_>>()
    };
    assert_eq!(stored(&protobuf), stored(&decoded), "{json}");
    assert_eq!(faults(&protobuf), faults(&decoded), "{json}");
    protobuf
}

fn record_of(stream: Sent) -> Stored {
    let decoded = decode_bound(&RecordLimits::STANDARD, None, &[stream]);
    assert_eq!((decoded.batch.len(), decoded.rejected), (1, 0), "{:?}", decoded.errors);
    stored(&decoded).remove(0)
}

fn stored(decoded: &Decoded) -> Vec<Stored> {
    (0..).zip(decoded.batch.iter()).map(|(index, record)| Stored::new(index, &record)).collect()
}

fn attributes(record: &Stored) -> Value {
    if record.attributes.is_empty() {
        return json!({});
    }
    serde_json::from_str(&record.attributes).expect("attributes are JSON")
}

fn faults(decoded: &Decoded) -> Vec<(usize, Option<&str>, &'static str)> {
    decoded.errors.iter().map(|e| (e.index, e.field.as_deref(), e.code)).collect()
}

#[test]
fn every_part_of_a_line_has_its_place() {
    let labels =
        [("app", "pay"), ("job", "prod/pay"), ("level", "warn"), ("hostname", "web-1"), ("env", "a \"b\"\\")];
    let metadata = [("traceID", "abc"), ("span_id", "def"), ("order", "17")];
    let line = " \u{1b}[31mlate\u{1b}[0m\r\n";
    let record = record_of(stream(&labels, line, &metadata));
    assert_eq!(record.timestamp.as_micros(), 1_743_500_000_123_456);
    assert_eq!(record.received_at.as_micros(), ARRIVAL_MICROS);
    assert_eq!((record.service.as_str(), record.host.as_str()), ("pay", "web-1"));
    assert_eq!((record.severity.level_text(), record.message.as_str()), ("WARN", line));
    assert_eq!((record.trace_id.as_str(), record.span_id.as_str()), ("abc", "def"));
    assert_eq!(attributes(&record), json!({"order": "17", "job": "prod/pay", "env": "a \"b\"\\"}));
}

#[test]
fn the_service_is_the_first_label_that_names_one() {
    let service = |labels: &[(&str, &str)]| {
        let record = record_of(stream(labels, "x", &[]));
        (record.service.clone(), attributes(&record))
    };
    assert_eq!(service(&[]), ("unknown_service".to_owned(), json!({})));
    assert_eq!(service(&[("env", "x")]), ("unknown_service".to_owned(), json!({"env": "x"})));
    let both = [("job", "a"), ("container", "b"), ("service_name", "c")];
    assert_eq!(service(&both), ("c".to_owned(), json!({"job": "a", "container": "b"})));
    assert_eq!(service(&both[..2]), ("b".to_owned(), json!({"job": "a"})));
    assert_eq!(service(&[("app", ""), ("job", "a")]), ("a".to_owned(), json!({"app": ""})));
}

#[test]
fn a_bound_key_sends_lines_of_its_own_service_only() {
    let sent = |labels: &[(&str, &str)]| {
        decode_bound(&RecordLimits::STANDARD, Some("pay"), &[stream(labels, "x", &[])])
    };
    for labels in [&[][..], &[("env", "x")], &[("app", "pay")]] {
        assert_eq!(stored(&sent(labels))[0].service, "pay");
    }
    assert_eq!(faults(&sent(&[("app", "auth")])), [(0, Some("service"), "service_mismatch")]);
}

#[test]
fn the_lines_own_metadata_comes_before_its_labels_and_no_text_is_lost() {
    let labels = [("service", "pay"), ("level", "info"), ("host", "a"), ("env", "prod"), ("trace_id", "t")];
    let metadata = [("detected_level", "error"), ("host", "b"), ("env", "test"), ("trace_id", "t")];
    let record = record_of(stream(&labels, "x", &metadata));
    assert_eq!((record.severity.level_text(), record.host.as_str()), ("ERROR", "b"));
    assert_eq!(record.trace_id, "t");
    let expected = json!({"level": "info", "host": "a", "env": "test", "stream.env": "prod"});
    assert_eq!(attributes(&record), expected);

    let odd = record_of(stream(&[("service", "pay"), ("level", "audit")], "x", &[("severity", "unknown")]));
    assert_eq!(odd.severity.level_text(), "INFO");
    assert_eq!(attributes(&odd), json!({"level": "audit", "severity": "unknown"}));

    let long = "h".repeat(257);
    let kept = record_of(stream(&[("service", "pay"), ("host", &long)], "x", &[]));
    assert_eq!((kept.host.as_str(), attributes(&kept)), ("", json!({"host": long})));
}

#[test]
fn streams_do_not_mix() {
    let streams = [
        stream(&[("app", "a"), ("level", "error"), ("host", "h"), ("x", "1")], "one", &[("y", "1")]),
        stream(&[("app", "b")], "two", &[]),
        Sent { labels: pairs(&[("app", "c")]), lines: vec![] },
    ];
    let decoded = decode_bound(&RecordLimits::STANDARD, None, &streams);
    let second = &stored(&decoded)[1];
    assert_eq!(
        (second.service.as_str(), second.severity.level_text(), second.host.as_str()),
        ("b", "INFO", "")
    );
    assert_eq!((decoded.batch.len(), attributes(second)), (2, json!({})));
}

#[test]
fn what_is_wrong_with_a_line_or_its_stream_refuses_no_other() {
    let limits =
        RecordLimits { message_bytes: 5, attributes: 2, attribute_value_bytes: 7, ..RecordLimits::STANDARD };
    let mut lines = stream(&[("app", "pay")], "good", &[]);
    let mut add = |nanos, line: &str, metadata: &[(&str, &str)]| {
        lines.lines.push((nanos, line.to_owned(), pairs(metadata)));
    };
    add(1, "123456", &[]);
    add(-1, "x", &[]);
    add(1, "x", &[("a", "1"), ("b", "2"), ("c", "3")]);
    add(1, "x", &[("a", "123456")]);
    add(i64::MAX, "x", &[]);
    let crowded = stream(&[("app", "pay"), ("a", "1"), ("b", "2")], "x", &[]);
    let decoded = decode_bound(&limits, None, &[lines, crowded]);
    assert_eq!(decoded.batch.len(), 1);
    let expected = [
        (1, Some("message"), "too_long"),
        (2, Some("timestamp"), "timestamp_out_of_range"),
        (3, Some("attributes"), "too_many_attributes"),
        (4, Some("attributes.a"), "too_long"),
        (5, Some("timestamp"), "timestamp_out_of_range"),
        (6, Some("attributes"), "too_many_attributes"),
    ];
    assert_eq!(faults(&decoded), expected);
}

#[test]
fn json_is_read_in_what_else_senders_write() {
    let metadata = json!({"n": 5, "b": true, "nothing": null, "o": {"a": [1]}, "esc": "a\n"});
    let values =
        json!([["1743500000123456789", "a", metadata], [1_743_500_000_123_456_789_u64, "b"], [null, "c"]]);
    let labels = json!({"app": "pay", "n": 5, "nothing": null});
    let bodies = [
        format!(r#"{{"streams":[{{"stream":{labels},"values":{values},"other":1}}],"other":[]}}"#),
        format!(r#" {{"streams":[{{"values":{values},"stream":{labels}}}]}} "#),
    ];
    for body in bodies {
        let decoded = decode_json(&body).unwrap();
        assert_eq!(decoded.rejected, 0, "{:?}", decoded.errors);
        let records = stored(&decoded);
        let times: Vec<_> = records.iter().map(|record| record.timestamp.as_micros()).collect();
        assert_eq!(times, [1_743_500_000_123_456, 1_743_500_000_123_456, ARRIVAL_MICROS]);
        let expected = json!({"n": 5, "b": true, "o": "{\"a\":[1]}", "esc": "a\n", "stream.n": "5"});
        assert_eq!(attributes(&records[0]), expected);
        assert_eq!(attributes(&records[2]), json!({"n": "5"}));
    }
    let faulty =
        r#"{"streams":[{"stream":{"app":"pay"},"values":[[],["1"],["soon","x"],["1","x",{"a":"\ud800"}]]}]}"#;
    let decoded = decode_json(faulty).unwrap();
    let expected = [
        (0, Some("message"), "required"),
        (1, Some("message"), "required"),
        (2, Some("timestamp"), "invalid_timestamp"),
        (3, Some("attributes.a"), "invalid_text"),
    ];
    assert_eq!(faults(&decoded), expected);
}

#[test]
fn a_push_without_lines_has_none_and_what_is_no_push_is_malformed() {
    for body in
        ["", "{}", r#"{"streams":[]}"#, r#"{"streams":null}"#, r#"{"streams":[{"stream":{"a":"b"}},{}]}"#]
    {
        assert_eq!(decode_json(body).unwrap().batch.len(), 0, "{body}");
    }
    assert_eq!(decode_protobuf(b"").unwrap().batch.len(), 0);
    let broken = [
        "{",
        "[]",
        " null",
        r#"{"streams":{}}"#,
        r#"{"streams":[1]}"#,
        r#"{"streams":[{"stream":{"a":[]}}]}"#,
        r#"{"streams":[{"stream":{},"values":[["1",2]]}]}"#,
        r#"{"streams":[{"stream":{},"values":[{}]}]}"#,
        "{}x",
    ];
    for body in broken {
        assert!(matches!(decode_json(body), Err(DecodeError::Malformed { .. })), "{body}");
    }
    let whole = protobuf_of(&[stream(&[("app", "pay")], "line", &[("a", "b")])]);
    for length in 1..whole.len() {
        assert!(matches!(decode_protobuf(&whole[..length]), Err(DecodeError::Malformed { .. })), "{length}");
    }
}

#[test]
fn labels_that_cannot_be_read_refuse_their_stream_only() {
    let entries = vec![Entry { line: "x".to_owned(), ..Entry::default() }];
    let stream = |labels: &str| Stream { labels: labels.to_owned(), entries: entries.clone(), hash: 0 };
    let push = PushRequest { streams: vec![stream("{app}"), stream("{app=\"pay\"}"), stream("{")] };
    let decoded = decode_protobuf(&push.encode_to_vec()).unwrap();
    assert_eq!(faults(&decoded), [(0, Some("labels"), "malformed"), (2, Some("labels"), "malformed")]);
    assert_eq!(stored(&decoded)[0].timestamp.as_micros(), ARRIVAL_MICROS);
}

#[test]
fn bytes_that_are_no_text_refuse_their_line_only() {
    let body = protobuf_of(&[stream(&[("app", "pay")], "hello", &[("meta", "data")]), stream(&[], "x", &[])]);
    for (text, field) in [
        ("hello", "message"),
        ("meta", "attributes.met\u{fffd}"),
        ("data", "attributes.meta"),
        ("pay\"}", "labels"),
    ] {
        let at =
            body.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() + text.len() - 1;
        let mut broken = body.clone();
        broken[at] = 0xFF;
        let decoded = decode_protobuf(&broken).unwrap();
        assert_eq!((faults(&decoded), decoded.batch.len()), (vec![(0, Some(field), "invalid_text")], 1));
    }
}

#[test]
fn half_of_a_surrogate_pair_refuses_its_line_or_its_stream_only() {
    let good = r#"{"stream":{"app":"pay"},"values":[["1","good \ud83d\ude00"]]}"#;
    let broken = [
        (r#"{"stream":{},"values":[["1","cut \ud83d"]]}"#, "message", "invalid_text"),
        (r#"{"values":[["1","cut \ud83d"]],"stream":{}}"#, "message", "invalid_text"),
        (r#"{"stream":{},"values":[["\ud83d","x"]]}"#, "timestamp", "invalid_timestamp"),
        (r#"{"stream":{},"values":[["1","x",{"a":"\ud83d"}]]}"#, "attributes.a", "invalid_text"),
        (r#"{"stream":{},"values":[["1","x",{"\ud83d":"a"}]]}"#, r"attributes.\\ud83d", "invalid_text"),
        (r#"{"stream":{"a":"\ud83d"},"values":[["1","x"]]}"#, "attributes.a", "invalid_text"),
        (r#"{"stream":{"\ud83d":"a"},"values":[["1","x"]]}"#, r"attributes.\\ud83d", "invalid_text"),
    ];
    for (stream, field, code) in broken {
        let decoded = decode_json(&format!(r#"{{"streams":[{stream},{good}]}}"#)).unwrap();
        assert_eq!(faults(&decoded), [(0, Some(field), code)], "{stream}");
        assert_eq!(stored(&decoded)[0].message, "good \u{1f600}", "{stream}");
    }
}

#[test]
fn more_lines_than_a_request_may_have_are_refused_as_a_whole() {
    let limits = RecordLimits { batch_records: 2, ..RecordLimits::STANDARD };
    let streams = |count| (0..count).map(|_| stream(&[("app", "pay")], "x", &[])).collect::<Vec<_>>();
    assert_eq!(decode_bound(&limits, None, &streams(2)).batch.len(), 2);
    let (protobuf, json) = (protobuf_of(&streams(3)), json_of(&streams(3)));
    for (encoding, body) in [(WireFormat::Protobuf, &protobuf[..]), (WireFormat::Json, json.as_bytes())] {
        let decoded = decode_within(&limits, None, encoding, body);
        assert!(matches!(decoded, Err(DecodeError::TooManyRecords { limit: 2 })), "{encoding:?}");
    }
}

#[test]
fn labels_that_make_their_lines_too_large_together_are_refused_as_a_whole() {
    let value = "v".repeat(32_000);
    let labels: Vec<_> = (0..100).map(|index| (format!("k{index}"), value.clone())).collect();
    let push = |count| [Sent { labels: labels.clone(), lines: vec![(1, "x".to_owned(), vec![]); count] }];
    assert_eq!(decode_json(&json_of(&push(20))).unwrap().batch.len(), 20);
    let too_large = Err(DecodeError::TooLarge { limit_bytes: BATCH_DECODED_MAX_BYTES });
    let (protobuf, json) = (protobuf_of(&push(1000)), json_of(&push(1000)));
    assert_eq!(decode_protobuf(&protobuf).map(|decoded| decoded.batch.len()), too_large);
    assert_eq!(decode_json(&json).map(|decoded| decoded.batch.len()), too_large);
}

fn some_pairs() -> impl Strategy<Value = Pairs> {
    let name =
        prop_oneof!["[a-c]", Just("level".to_owned()), Just("host".to_owned()), Just("stream.a".to_owned())];
    // Without control characters, which JSON and Go quote differently.
    prop::collection::btree_map(name, "\\PC{0,6}", 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

fn some_stream() -> impl Strategy<Value = Sent> {
    let line = (any::<i64>(), any::<String>(), some_pairs());
    (some_pairs(), prop::collection::vec(line, 0..3)).prop_map(|(labels, lines)| Sent { labels, lines })
}

proptest! {
    #[test]
    fn both_encodings_give_the_same_records(streams in prop::collection::vec(some_stream(), 0..3)) {
        let count = streams.iter().map(|stream| stream.lines.len() as u64).sum::<u64>();
        let decoded = decode_bound(&RecordLimits::STANDARD, None, &streams);
        prop_assert_eq!(decoded.batch.len() as u64 + decoded.rejected, count);
        stored(&decoded).iter().for_each(|record| { attributes(record); });
    }

    #[test]
    fn no_body_makes_the_decoder_panic(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let _ = decode_protobuf(&noise);
        let streams = [stream(&[("app", "pay"), ("b", "c\"")], "line", &[("a", "b")])];
        let (mut protobuf, mut json) = (protobuf_of(&streams), json_of(&streams).into_bytes());
        for (at, byte) in changes {
            let (in_protobuf, in_json) = (at.index(protobuf.len()), at.index(json.len()));
            protobuf[in_protobuf] = byte;
            json[in_json] = byte;
        }
        let json = decode_within(&RecordLimits::STANDARD, None, WireFormat::Json, &json);
        for decoded in [decode_protobuf(&protobuf), json].into_iter().flatten() {
            stored(&decoded).iter().for_each(|record| { attributes(record); });
        }
    }
}
