//! Bulk bodies: which lines belong together, what shippers' documents turn into, and what is the fault of which item.

use domain::RecordRef;

use super::*;
use crate::decode::{BulkAction, BulkItems, decode_bulk};

fn decode_with(bound: Option<&str>, body: impl AsRef<[u8]>) -> Result<(Decoded, BulkItems), DecodeError> {
    let received_at = Timestamp::saturating_from_micros(ARRIVAL_MICROS);
    let bound = bound.map(|name| ServiceName::parse(name).unwrap());
    let limits = &RecordLimits::STANDARD;
    decode_bulk(body.as_ref(), None, &Context { received_at, bound_service: bound.as_ref(), limits })
}

fn decode_body(body: impl AsRef<[u8]>) -> (Decoded, BulkItems) {
    let (decoded, items) = decode_with(None, body).expect("the actions can be read");
    let stored = items.items.iter().filter(|item| item.fault.is_none()).count();
    assert_eq!((stored, decoded.record_keys.len()), (decoded.batch.len(), decoded.batch.len()));
    assert_eq!(items.items.len() - stored, usize::try_from(decoded.rejected).unwrap());
    (decoded, items)
}

/// Decodes one document of the index `logs-a`, and hands its record to `look`.
fn with_document<T>(document: &str, look: impl Fn(RecordRef<'_>) -> T) -> T {
    let (decoded, items) = decode_body(format!("{{\"create\":{{\"_index\":\"logs-a\"}}}}\n{document}\n"));
    assert_eq!(items.items[0].fault, None, "{document}");
    look(decoded.batch.get(0))
}

fn attributes(document: &str) -> String {
    with_document(document, |record| record.attributes.to_owned())
}

/// Returns the code of the fault of each item.
fn codes_of(items: &BulkItems) -> Vec<&'static str> {
    items.items.iter().map(|item| item.fault.as_ref().map_or("", |fault| fault.code)).collect()
}

#[test]
fn each_action_has_its_document_whatever_the_lines_end_with() {
    let body = "{\"create\":{\"_index\":\"i\",\"_id\":\"1\"}}\r\n{\"message\":\"a\"}\r\n\
                \r\n\
                {\"index\":{\"_index\":\"j\",\"_id\":null,\"routing\":null}}\n  {\"message\":\"b\"} \n\n\
                {\"index\":{\"_index\":\"i\",\"_type\":\"_doc\",\"_id\":7}}\n{\"message\":\"c\"}";
    let (decoded, items) = decode_body(body);

    assert_eq!(messages(&decoded), ["a", "b", "c"]);
    assert_eq!(items.indices, ["i", "j"]);
    let found: Vec<_> =
        items.items.iter().map(|item| (item.action, item.index, item.id.as_deref())).collect();
    let expected =
        [(BulkAction::Create, 0, Some("1")), (BulkAction::Index, 1, None), (BulkAction::Index, 0, Some("7"))];
    assert_eq!(found, expected);
    let keyed: Vec<bool> = decoded.record_keys.iter().map(Option::is_some).collect();
    assert_eq!(keyed, [true, false, true]);
}

#[test]
fn a_key_belongs_to_an_index_and_an_id() {
    let action = |index: &str, id: &str| {
        format!("{{\"create\":{{\"_index\":\"{index}\",\"_id\":\"{id}\"}}}}\n{{\"message\":\"a\"}}\n")
    };
    let body = [action("i", "1"), action("i", "1"), action("i", "2"), action("j", "1"), action("i1", "")];
    let (decoded, items) = decode_body(body.concat());

    let keys = decoded.record_keys;
    assert!(keys[0] == keys[1] && keys[0] != keys[2] && keys[0] != keys[3] && keys[2] != keys[3]);
    assert_eq!(codes_of(&items), ["", "", "", "", codes::INVALID_ID]);
}

#[test]
fn the_request_names_the_index_of_actions_that_name_none() {
    let limits = &RecordLimits::STANDARD;
    let received_at = Timestamp::saturating_from_micros(ARRIVAL_MICROS);
    let context = Context { received_at, bound_service: None, limits };
    let body =
        "{\"create\":{}}\n{\"message\":\"a\"}\n{\"create\":{\"_index\":\"own\"}}\n{\"message\":\"b\"}\n";

    let (decoded, items) = decode_bulk(body.as_bytes(), Some("of \"path\""), &context).unwrap();
    let (_, without) = decode_body(body);

    assert_eq!(items.indices, ["of \"path\"", "own"]);
    let services: Vec<_> = decoded.batch.iter().map(|record| record.service).collect();
    assert_eq!(services, ["of \"path\"", "own"]);
    assert_eq!(codes_of(&without), [codes::NO_INDEX, ""]);
}

#[test]
fn the_fault_of_an_item_keeps_no_other_from_being_stored() {
    let good = "{\"create\":{\"_index\":\"i\"}}\n{\"message\":\"good\"}\n";
    let body = [
        "{\"delete\":{\"_index\":\"i\",\"_id\":\"1\"}}\n",
        good,
        "{\"update\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{\"doc\":{\"message\":\"x\"}}\n",
        good,
        "{\"create\":{\"_index\":\"i\"}}\nnot json\n",
        "{\"create\":{\"_index\":\"i\"}}\n[1]\n",
        "{\"create\":{\"_index\":\"i\"}}\n\n",
        "{\"create\":{\"_index\":\"i\"}}\n{\"message\":\"x\"} {}\n",
        "{\"create\":{\"_index\":\"i\"}}\n{\"message\":\"x\",\"message\":\"y\"}\n",
        "{\"create\":{\"_index\":\"i\"}}\n{\"@timestamp\":\"yesterday\",\"message\":\"x\"}\n",
        "{\"create\":{\"_index\":\"i\"}}\n{\"timestamp\":[],\"message\":\"x\"}\n",
        good,
        "{\"create\":{\"_index\":\"i\"}}",
    ];
    let (decoded, items) = decode_body(body.concat());

    assert_eq!(messages(&decoded), ["good"; 3]);
    let expected = [
        codes::UNSUPPORTED_ACTION,
        "",
        codes::UNSUPPORTED_ACTION,
        "",
        codes::MALFORMED,
        codes::MALFORMED,
        codes::MALFORMED,
        codes::MALFORMED,
        codes::DUPLICATE_FIELD,
        codes::INVALID_TIMESTAMP,
        codes::WRONG_TYPE,
        "",
        codes::REQUIRED,
    ];
    assert_eq!(codes_of(&items), expected);
}

#[test]
fn an_action_that_cannot_be_read_is_the_fault_of_the_whole_body() {
    let broken = [
        "",
        "\n\n",
        "{\"create\":{\"_index\":\"i\"}}\n{}\nnot json\n",
        "{\"message\":\"no action\"}\n",
        "{}\n{}\n",
        "{\"create\":null}\n{}\n",
        "{\"create\":[]}\n{}\n",
        "{\"create\":{},\"index\":{}}\n{}\n",
        "[]\n{}\n",
    ];
    for body in broken {
        let error = decode_with(None, body).expect_err(body);
        assert!(matches!(error, DecodeError::Malformed { .. }), "{body}: {error}");
    }
    let error = decode_with(None, broken[2]).unwrap_err().to_string();
    assert!(error.starts_with("Malformed action/metadata line [3]: "), "{error}");
    let many = "{\"create\":{\"_index\":\"i\"}}\n{}\n".repeat(RecordLimits::STANDARD.batch_records + 1);
    assert!(matches!(decode_with(None, many), Err(DecodeError::TooManyRecords { .. })));
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let (decoded, _) = decode_body(b"{\"create\":{\"_index\":\"i\"}}\n{\"message\":\"caf\xe9\"}\n");
    assert_eq!(messages(&decoded), ["caf\u{fffd}"]);
}

#[test]
fn a_document_of_filebeat_is_a_record() {
    let document =
        r#"{"@timestamp":"2025-04-01T11:59:00.123Z","message":"GET / 200","log":{"level":"warn","offset":0,
        "file":{"path":"/var/log/nginx/access.log"}},"input":{"type":"filestream"},"service":{"name":"nginx"},
        "host":{"name":"web-1"},"trace":{"id":"4bf92f"},"span":{"id":"00f0"},"tags":["a"],
        "ecs":{"version":"8.0.0"}}"#
            .replace('\n', " ");
    with_document(&document, |record| {
        assert_eq!(record.timestamp.to_string(), "2025-04-01T11:59:00.123000Z");
        assert_eq!((record.message, record.service, record.host), ("GET / 200", "nginx", "web-1"));
        assert_eq!((record.trace_id, record.span_id), ("4bf92f", "00f0"));
        assert_eq!(record.severity.level_text(), "WARN");
        let kept: serde_json::Value = serde_json::from_str(record.attributes).unwrap();
        let expected = serde_json::json!({
            "log": {"level": "warn", "offset": 0, "file": {"path": "/var/log/nginx/access.log"}},
            "input": {"type": "filestream"}, "tags": ["a"], "ecs": {"version": "8.0.0"}, "_index": "logs-a"
        });
        assert_eq!(kept, expected);
    });
}

#[test]
fn documents_of_other_shippers_are_records() {
    // ecs-logging, fluent-bit with kubernetes, omelasticsearch's own template, vector.
    let ecs = r#"{"@timestamp":1743508740000,"log.level":"ERROR","message":"m","service.name":"pay","host.name":"h","trace.id":"t","span.id":"s"}"#;
    with_document(ecs, |record| {
        assert_eq!(record.timestamp.to_string(), "2025-04-01T11:59:00Z");
        assert_eq!((record.severity.level_text(), record.service), ("ERROR", "pay"));
        assert_eq!((record.host, record.trace_id, record.span_id), ("h", "t", "s"));
        assert_eq!(record.attributes, r#"{"_index":"logs-a"}"#);
    });
    let fluent_bit = r#"{"@timestamp":"2025-04-01T11:59:00.000Z","log":"line\n","stream":"stderr","kubernetes":{"pod_name":"p"}}"#;
    with_document(fluent_bit, |record| {
        assert_eq!((record.message, record.service, record.host), ("line\n", "logs-a", ""));
        assert_eq!(record.attributes, r#"{"stream":"stderr","kubernetes":{"pod_name":"p"}}"#);
    });
    let rsyslog = r#"{"message":" started","fromhost":"web-1","facility":"daemon","priority":"err","timereported":"2025-04-01T13:59:00+02:00","timegenerated":"2025-04-01T14:00:00+02:00"}"#;
    with_document(rsyslog, |record| {
        assert_eq!(record.timestamp.to_string(), "2025-04-01T11:59:00Z");
        assert_eq!((record.severity.level_text(), record.host), ("ERROR", "web-1"));
        assert_eq!(record.attributes, r#"{"facility":"daemon","timegenerated":"2025-04-01T14:00:00+02:00"}"#);
    });
    let vector = r#"{"message":"m","timestamp":"2025-04-01T11:59:00Z","host":"h","source_type":"file","service":"pay"}"#;
    with_document(vector, |record| {
        assert_eq!((record.service, record.host, record.severity.level_text()), ("pay", "h", "INFO"));
        assert_eq!(record.attributes, r#"{"source_type":"file","_index":"logs-a"}"#);
    });
}

#[test]
fn what_does_not_fit_a_column_is_an_attribute() {
    for document in [
        r#"{"message":"m","level":"loud"}"#,
        r#"{"message":"m","log.level":30,"host":["a"],"service":7}"#,
        r#"{"message":"m","priority":3,"host":{"ip":"::1"},"trace":{"id":1}}"#,
        r#"{"message":"m","severity":"","level":null,"timereported":"yesterday"}"#,
    ] {
        let members = document.replace(r#""message":"m","#, "");
        assert_eq!(attributes(document), members);
        with_document(document, |record| {
            assert_eq!((record.severity.level_text(), record.service), ("INFO", "logs-a"));
        });
    }
    let long = "h".repeat(300);
    assert!(attributes(&format!(r#"{{"message":"m","host":"{long}"}}"#)).contains(&long));
    assert_eq!(attributes(r#"{"message":"m","log":{"level":"warn"},"level":"x"}"#), r#"{"level":"x"}"#);
}

#[test]
fn a_document_without_a_message_is_its_message() {
    for document in [r#"{"metric":1.5,"unit":"ms"}"#, r#"{"message":{"a":1}}"#, r#"{"msg":7}"#, "{}"] {
        with_document(document, |record| {
            assert_eq!(record.message, document);
            assert_eq!(record.attributes, document.trim_matches(|_| document == "{}"));
            assert_eq!(record.timestamp.as_micros(), ARRIVAL_MICROS);
        });
    }
}

#[test]
fn the_service_of_the_key_wins() {
    let body = "{\"create\":{\"_index\":\"logs-a\"}}\n{\"message\":\"a\"}\n\
                {\"create\":{\"_index\":\"logs-a\"}}\n{\"message\":\"b\",\"service\":{\"name\":\"pay\"}}\n\
                {\"create\":{\"_index\":\"logs-a\"}}\n{\"message\":\"c\",\"service\":{\"name\":\"auth\"}}\n";
    let (decoded, items) = decode_with(Some("pay"), body).unwrap();

    assert_eq!(codes_of(&items), ["", "", codes::SERVICE_MISMATCH]);
    let records: Vec<_> = decoded.batch.iter().map(|record| (record.service, record.attributes)).collect();
    assert_eq!(records, [("pay", r#"{"_index":"logs-a"}"#); 2]);
}

#[test]
fn a_document_names_its_own_index_before_the_action_does() {
    let document = r#"{"message":"m","service":"pay","_index":"mine"}"#;
    assert_eq!(attributes(document), r#"{"_index":"mine"}"#);
}
