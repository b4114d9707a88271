//! `sentinel send` and `sentinel import`.

use std::fs;
use std::process::{Command, Output, Stdio};

use e2e_tests::Installation;
use e2e_tests::programs::{output_of, program};
use serde_json::{Value, json};

/// Runs the command in the installation's directory while the services answer.
async fn output(installation: &Installation, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("sentinel"));
    command.args(arguments).env_clear().current_dir(installation.data.path()).stdin(Stdio::null());
    command.env("SENTINEL_INGEST_URL", installation.ingest.url("")).env("SENTINEL_KEY", &installation.key);
    command.env("SENTINEL_QUERY_URL", installation.query.url(""));
    tokio::task::spawn_blocking(move || output_of(&mut command)).await.expect("no panic")
}

fn printed(output: &Output) -> (bool, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn write(installation: &Installation, name: &str, text: &str) {
    fs::write(installation.data.path().join(name), text).expect("it is ours");
}

#[tokio::test]
async fn a_log_that_is_sent_by_hand_has_an_id_and_one_that_is_refused_a_reason() {
    let installation = Installation::start();

    let sent =
        ["send", "it", "failed", "--service", "shop", "--level", "warn", "--attr", "n=5", "--attr", "u=x"];
    let sent = printed(&output(&installation, &sent).await);
    let refused = printed(&output(&installation, &["send", "x", "--service", "a", "--level", "odd"]).await);
    let nobody = output(&installation, &["send", "x", "--service", "a", "--key", "nobody"]).await;

    assert_eq!(sent, (true, "1\n".to_owned()));
    assert!(!refused.0 && refused.1.contains("odd"), "{refused:?}");
    let nobody = printed(&nobody);
    assert!(!nobody.0 && nobody.1.contains("401"), "{nobody:?}");
    let logs = installation.all_logs("").await;
    assert_eq!(
        (logs.len(), &logs[0]["message"], &logs[0]["level"]),
        (1, &json!("it failed"), &json!("WARN"))
    );
    assert_eq!(logs[0]["attributes"], json!({"n": 5, "u": "x"}));
}

#[tokio::test]
async fn files_of_every_format_are_imported_once_however_often_it_is_tried() {
    let installation = Installation::start();
    write(
        &installation,
        "a.json",
        "[{\"service\":\"json\",\n\"message\":\"a\"},\n{\"service\":\"json\",\"message\":\"b\"}]",
    );
    let ndjson: String = (0..2500).map(|n| format!("{{\"message\":\"line {n}\"}}\n")).collect();
    write(&installation, "b.ndjson", &ndjson);
    write(&installation, "c.csv", "timestamp,level,message,user\n2025-04-01T12:00:00Z,WARN,c,u1\n");
    write(&installation, "d.log", "2025-10-23 14:32:15 ERROR [text] it failed\nplain\n");

    for file in ["a.json", "b.ndjson", "c.csv", "d.log", "b.ndjson", "a.json"] {
        let (is_fine, text) = printed(&output(&installation, &["import", file, "--service", "given"]).await);
        assert!(is_fine && text.contains(" accepted, 0 rejected"), "{file}: {text}");
    }

    assert_eq!(installation.all_logs("").await.len(), 2 + 2500 + 1 + 2);
    assert_eq!(installation.all_logs("service=json").await.len(), 2);
    let row = &installation.all_logs("level=warn").await[0];
    assert_eq!(
        (&row["timestamp"], &row["attributes"]),
        (&json!("2025-04-01T12:00:00Z"), &json!({"user": "u1"}))
    );
    assert_eq!(installation.all_logs("level=error").await[0]["message"], "it failed");
}

#[tokio::test]
async fn what_is_not_valid_is_counted_and_shown_with_its_place_and_fails_the_import() {
    let installation = Installation::start();
    write(
        &installation,
        "a.ndjson",
        "{\"service\":\"a\",\"message\":\"x\"}\nbroken\n{\"service\":\"a\",\"level\":\"odd\",\"message\":\"y\"}\n",
    );

    let (is_fine, text) = printed(&output(&installation, &["import", "a.ndjson", "--batch-size", "2"]).await);

    assert!(!is_fine && text.contains("1 accepted, 2 rejected"), "{text}");
    assert!(text.contains("log 2: ") && text.contains("log 3: "), "{text}");
}

#[tokio::test]
async fn what_was_exported_can_be_imported() {
    let installation = Installation::start();
    let log = json!({"timestamp": "2025-04-01T12:00:00Z", "service": "a", "level": "ERROR", "message": "m\nn",
        "trace_id": "t1", "host": "web-1", "attributes": {"n": {"m": [1, "2"]}}});
    installation.post_logs(&log).await;
    for format in ["csv", "ndjson"] {
        let file = format!("export.{format}");
        let exported = output(&installation, &["export", "--format", format, "--out", &file]).await;
        assert!(exported.status.success(), "{exported:?}");
    }
    for file in ["export.csv", "export.ndjson"] {
        let imported = printed(&output(&installation, &["import", file]).await);
        assert!(imported.0, "{imported:?}");
    }
    let logs: Vec<Value> = installation.all_logs("order=asc").await;
    let without_ids = |log: &Value| {
        let mut log = log.clone();
        let fields = log.as_object_mut().expect("an object");
        fields.retain(|name, _| !["id", "received_at"].contains(&name.as_str()));
        let attributes = fields["attributes"].as_object_mut().expect("an object");
        attributes.retain(|name, _| name == "n");
        log
    };
    assert!(logs.len() == 3 && logs.iter().all(|log| without_ids(log) == without_ids(&logs[0])), "{logs:#?}");
}
