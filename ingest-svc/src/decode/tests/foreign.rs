//! Records in the forms of older systems.

use serde_json::{Value, json};

use super::*;

fn attributes_of(decoded: &Decoded) -> Value {
    serde_json::from_str(decoded.batch.get(0).attributes).expect("attributes are JSON")
}

#[test]
fn an_envelope_is_opened_and_what_the_shipper_adds_is_kept() {
    let sent = json!({"raw_log": "2025-10-23 14:32:15 ERROR [pay] it failed", "metadata": {"source": "web-1",
        "file_path": "/var/log/pay.log", "shipper_timestamp": "2025-10-23T14:32:16Z", "service": "payment", "offset": 7}});
    let decoded = decode_json(sent.to_string());
    let record = decoded.batch.get(0);
    assert_eq!((record.service, record.message, record.host), ("payment", "it failed", "web-1"));
    assert_eq!(record.timestamp.to_string(), "2025-10-23T14:32:15Z");
    assert_eq!(record.severity.level_text(), "ERROR");
    let expected = json!({"log.file.path": "/var/log/pay.log", "shipper_timestamp": "2025-10-23T14:32:16Z", "offset": 7,
        "log.record.original": "2025-10-23 14:32:15 ERROR [pay] it failed"});
    assert_eq!(attributes_of(&decoded), expected);
}

#[test]
fn the_service_of_an_envelope_is_the_given_one_the_lines_or_the_files() {
    for (line, metadata, service) in [
        ("2025-10-23 14:32:15 INFO [pay] x", json!({"file_path": "/a/b.log", "service": "given"}), "given"),
        ("2025-10-23 14:32:15 INFO [pay] x", json!({"file_path": "/a/b.log"}), "pay"),
        ("x", json!({"file_path": "/a/nginx.access.log"}), "nginx"),
        ("x", json!({"file_path": "C:\\logs\\app.log"}), "app"),
    ] {
        let decoded = decode_json(json!({"raw_log": line, "metadata": metadata}).to_string());
        assert_eq!(decoded.batch.get(0).service, service, "{line} {metadata}");
    }
    let without =
        decode_json(json!([{"raw_log": "x"}, {"raw_log": 1}, {"raw_log": null, "service": "a"}]).to_string());
    let faults: Vec<_> = without.errors.iter().map(|error| (error.field.as_deref(), error.code)).collect();
    let expected = [
        (Some("service"), codes::REQUIRED),
        (Some("raw_log"), codes::WRONG_TYPE),
        (Some("raw_log"), codes::WRONG_TYPE),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn a_line_without_a_time_happened_when_it_was_written_or_shipped() {
    let of = |metadata: Value| decode_json(json!({"raw_log": "x", "metadata": metadata}).to_string());
    let shipped = json!({"service": "a", "shipper_timestamp": "2025-10-23T14:32:16Z"});
    assert_eq!(of(shipped).batch.get(0).timestamp.to_string(), "2025-10-23T14:32:16Z");
    let written = json!({"service": "a", "shipper_timestamp": "2025-10-23T14:32:16Z", "timestamp": "2025-10-23T14:32:01.5Z"});
    assert_eq!(of(written).batch.get(0).timestamp.to_string(), "2025-10-23T14:32:01.500000Z");
}

#[test]
fn the_machine_that_a_line_names_is_its_host_and_the_shippers_is_kept() {
    let sent = json!({"raw_log": "Feb 10 06:55:46 db-1 sshd[7]: x", "metadata": {"source": "relay", "service": "ssh"}});
    let decoded = decode_json(sent.to_string());
    assert_eq!(decoded.batch.get(0).host, "db-1");
    assert_eq!(attributes_of(&decoded), json!({"syslog.procid": 7, "shipper.host": "relay"}));
}

#[test]
fn a_workflows_log_has_its_time_level_and_message_made_of_its_fields() {
    for (status, level) in
        [("SUCCESS", "INFO"), ("partial", "WARN"), ("FAILED", "ERROR"), ("ERROR", "ERROR"), ("ODD", "INFO")]
    {
        let sent = json!({"executed_at": "2025-04-01T12:00:00Z", "environment": "test", "status": status,
            "category": "sync", "ticket_id": "T-9", "execution_time_seconds": 2.5});
        let decoded = decode_json(sent.to_string());
        let record = decoded.batch.get(0);
        assert_eq!(record.message, format!("sync {status} in 2.5s (T-9)"));
        assert_eq!((record.service, record.severity.level_text()), ("workflows", level));
        assert_eq!(record.timestamp.to_string(), "2025-04-01T12:00:00Z");
        assert_eq!(attributes_of(&decoded), sent, "every field is kept");
    }
    let given = json!({"executed_at": 1_743_508_800, "service": "nightly", "level": "debug", "message": "m", "status": "FAILED"});
    let decoded = decode_json(given.to_string());
    let record = decoded.batch.get(0);
    assert_eq!((record.service, record.message, record.severity.level_text()), ("nightly", "m", "DEBUG"));
    assert_eq!(record.timestamp.to_string(), "2025-04-01T12:00:00Z");
    let unreadable = decode_json(json!({"executed_at": "soon", "status": "FAILED"}).to_string());
    assert_eq!(unreadable.errors[0].code, codes::INVALID_TIMESTAMP);
}

#[test]
fn fields_of_these_names_beside_a_time_and_a_message_are_attributes() {
    let sent = json!({"timestamp": "2025-10-23T14:32:16Z", "service": "a", "message": "m", "raw_log": "x",
        "executed_at": "2025-04-01T12:00:00Z"});
    let decoded = decode_json(sent.to_string());
    assert_eq!(decoded.batch.get(0).timestamp.to_string(), "2025-10-23T14:32:16Z");
    assert_eq!(attributes_of(&decoded), json!({"raw_log": "x", "executed_at": "2025-04-01T12:00:00Z"}));
}

#[test]
fn of_what_a_shipper_adds_a_record_has_what_it_may_have() {
    let mut many = serde_json::Map::new();
    (0..1000).for_each(|n| drop(many.insert(format!("n{n:03}"), json!(n))));
    many.insert("service".to_owned(), json!("pay"));
    let decoded = decode_json(json!({"raw_log": "it failed", "metadata": many}).to_string());
    let attributes = attributes_of(&decoded);
    assert_eq!(attributes.as_object().unwrap().len(), RecordLimits::STANDARD.attributes);
    assert_eq!(attributes["n000"], 0);

    let (deep, long) = ("[".repeat(16) + &"]".repeat(16), "n".repeat(257));
    let sent = format!(
        r#"{{"raw_log":"it failed","metadata":{{"service":"pay","source":"{long}","deep":{deep},"{long}":1,"half":"\ud800","a":1}}}}"#
    );
    let decoded = decode_json(sent);
    assert_eq!(decoded.batch.get(0).host, "");
    assert_eq!(attributes_of(&decoded), json!({"shipper.host": long, "a": 1}));
}
