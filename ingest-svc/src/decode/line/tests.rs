//! Tests of the shapes of lines.

use domain::limits::RecordLimits;

use super::*;

/// 2026-03-01T12:00:00Z
fn arrival() -> Timestamp {
    Timestamp::saturating_from_micros(1_772_366_400_000_000)
}

fn parsed(line: &str) -> Line<'_> {
    parse(line, arrival(), &RecordLimits::STANDARD)
}

/// Returns time, level, service, host and message; `-` for what is not there.
fn parts(line: &str) -> [String; 5] {
    let line = parsed(line);
    [
        line.timestamp.map_or("-".to_owned(), |time| time.to_string()),
        line.severity.map_or("-", Severity::level_text).to_owned(),
        line.service.as_deref().unwrap_or("-").to_owned(),
        line.host.clone().into_owned(),
        line.message.clone().into_owned(),
    ]
}

fn attributes(line: &str) -> serde_json::Value {
    let json = parsed(line).attributes.to_json();
    if json.is_empty() { serde_json::json!({}) } else { serde_json::from_str(&json).unwrap() }
}

#[test]
fn lines_with_time_level_and_service_are_taken_apart_and_kept() {
    let noon = "2025-10-23T12:00:00Z";
    for (line, [time, level, service, message]) in [
        ("2025-10-23 12:00:00 INFO [pay] done", [noon, "INFO", "pay", "done"]),
        ("2025-10-23T12:00:00 warning [pay] done", [noon, "WARN", "pay", "done"]),
        ("2025-10-23T12:00:00.000Z ERR [a b] x [y] z", [noon, "ERROR", "a b", "x [y] z"]),
        ("2025-10-23 14:00:00 +02:00 17 [pay] done", [noon, "ERROR", "pay", "done"]),
        ("2025-10-23T14:00:00+02:00  INFO   [pay]  two ", [noon, "INFO", "pay", " two "]),
        ("2025-10-23 12:00 FATAL [pay]", [noon, "FATAL", "pay", ""]),
        ("2025-10-23 12:00:00 INFO [pay]done", [noon, "INFO", "pay", "done"]),
    ] {
        assert_eq!(parts(line), [time, level, service, "", message].map(str::to_owned), "{line}");
        assert_eq!(attributes(line)["log.record.original"], line);
    }
}

#[test]
fn a_time_and_a_level_are_read_wherever_programs_put_them_and_the_message_is_the_line() {
    let expected = [
        ("2025-10-23 12:00:00 INFO started", "2025-10-23T12:00:00Z", "INFO"),
        ("2025-10-23 12:00:00,250 - WARN  [main:Foo@12] - x", "2025-10-23T12:00:00.250000Z", "WARN"),
        ("2025/10/23 12:00:00 [error] 31#0: *1 open() failed", "2025-10-23T12:00:00Z", "ERROR"),
        ("2025-10-23T12:00:00.1Z | DEBUG | x", "2025-10-23T12:00:00.100000Z", "DEBUG"),
        ("2025-10-23 12:00:00 LOUD [pay] x", "2025-10-23T12:00:00Z", "-"),
        ("2025-10-23 12:00:00 INFO [] x", "2025-10-23T12:00:00Z", "INFO"),
        ("2025-10-23 12:00:00 nothing is wrong here, no error", "2025-10-23T12:00:00Z", "-"),
        ("[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok", "2005-12-04T04:47:44Z", "INFO"),
        ("[Sun Dec 04 04:47:44.5 2005] [core:error] [pid 1] x", "2005-12-04T04:47:44.500000Z", "ERROR"),
    ];
    for (line, time, level) in expected {
        let level = if line.contains("[notice]") { parts(line)[1].clone() } else { level.to_owned() };
        assert_eq!(
            parts(line),
            [time.to_owned(), level, "-".to_owned(), String::new(), line.to_owned()],
            "{line}"
        );
        assert_eq!(attributes(line), serde_json::json!({}), "{line}");
    }
}

#[test]
fn any_other_line_is_left_whole() {
    for line in [
        "started",
        "2025-13-23 12:00:00 INFO [pay] x",
        "2025-10-23",
        "1743508800 INFO [pay] x",
        "  2025-10-23 12:00:00 INFO [pay] x",
        "äää-äää-äää äää äää",
        "it said a=b and left",
        "a=b",
        "a=\"b",
        "a=b c\"d=e",
        "{not json}",
        "{",
        "x {\"a\":",
        "} {",
        "<999> x",
        "May the force be with you",
        "Mar 99 25:61:61 host x: y",
        "1.2.3.4 - - [nonsense] \"GET / HTTP/1.1\" 200 1",
    ] {
        assert_eq!(parts(line), ["-", "-", "-", "", line].map(str::to_owned), "{line}");
        assert_eq!(attributes(line), serde_json::json!({}), "{line}");
    }
}

#[test]
fn colour_codes_are_stripped_and_what_was_sent_is_kept() {
    let line = "2025-10-23 12:00:00 \u{1b}[32mINFO\u{1b}[0m [pay] \u{1b}[1mdone\u{1b}[0m";
    assert_eq!(parts(line), ["2025-10-23T12:00:00Z", "INFO", "pay", "", "done"].map(str::to_owned));
    assert_eq!(attributes(line)["log.record.original"], line);
    let tabs = "\u{1b}[31mERROR\u{1b}[0m\tdone\tx";
    assert_eq!(parts(tabs)[4], "ERROR\tdone\tx");
    let plain = "\u{1b}[31mred\u{1b}[0m";
    assert_eq!(
        (parts(plain)[4].as_str(), &attributes(plain)["log.record.original"]),
        ("red", &serde_json::json!(plain))
    );
}

#[test]
fn logfmt_is_read_with_its_message_time_and_level() {
    let line = r#"ts=2025-10-23T12:00:00Z level=warn msg="it \"is\" done" duration_ms=12 path=/a/b trace_id=ab12 empty= n=007"#;
    assert_eq!(parts(line), ["2025-10-23T12:00:00Z", "WARN", "-", "", "it \"is\" done"].map(str::to_owned));
    assert_eq!(parsed(line).trace_id, "ab12");
    let expected = serde_json::json!({"duration_ms": 12, "path": "/a/b", "empty": "", "n": "007", "log.record.original": line});
    assert_eq!(attributes(line), expected);
    let without = "a=1 b=two";
    assert_eq!(parts(without)[4], without);
    assert_eq!(attributes(without), serde_json::json!({"a": 1, "b": "two"}));
}

#[test]
fn json_in_a_line_becomes_fields() {
    let line = r#"{"time":"2025-10-23T12:00:00Z","level":30,"msg":"a\nb","pid":7,"hostname":"web-1","o":{"k":[1]},"service":"pay"}"#;
    assert_eq!(parts(line), ["2025-10-23T12:00:00Z", "INFO", "pay", "web-1", "a\nb"].map(str::to_owned));
    let expected = serde_json::json!({"pid": 7, "o": {"k": [1]}, "log.record.original": line});
    assert_eq!(attributes(line), expected);

    let texts = r#"{"msg":"m","zip":"12345","n":12345}"#;
    assert_eq!(
        (&attributes(texts)["zip"], &attributes(texts)["n"]),
        (&serde_json::json!("12345"), &serde_json::json!(12345))
    );
    let ours = r#"{"service":"pay","message":"m","attributes":{"a":1,"b":"x"}}"#;
    let expected = serde_json::json!({"a": 1, "b": "x", "log.record.original": ours});
    assert_eq!(attributes(ours), expected);

    let behind = r#"2025-10-23 12:00:00 INFO order {"id":7,"item":"x"}"#;
    assert_eq!(parts(behind)[1..], ["INFO", "-", "", behind].map(str::to_owned));
    assert_eq!(attributes(behind), serde_json::json!({"id": 7, "item": "x"}));
    let unreadable = r#"{"level":"loud","time":"soon","msg":1}"#;
    assert_eq!(parts(unreadable), ["-", "-", "-", "", unreadable].map(str::to_owned));
    assert_eq!(attributes(unreadable), serde_json::json!({"level": "loud", "time": "soon", "msg": 1}));
}

#[test]
fn lines_of_syslog_have_host_program_and_the_year_that_is_nearest() {
    for (line, time) in [
        ("Feb 10 06:55:46 web-1 sshd[24200]: Invalid user x", "2026-02-10T06:55:46Z"),
        ("Dec 10 06:55:46 web-1 sshd[24200]: Invalid user x", "2025-12-10T06:55:46Z"),
        ("Mar  2 06:55:46 web-1 sshd[24200]: [a b=\"c\"]  x", "2026-03-02T06:55:46Z"),
    ] {
        assert_eq!(parts(line), [time, "-", "sshd", "web-1", line].map(str::to_owned));
        assert_eq!(attributes(line), serde_json::json!({"syslog.procid": 24200}));
    }
    let line = r#"<165>1 2003-10-11T22:14:15.003Z web-1 evntslog 99 ID47 [ex@32473 iut="3" s="a \"b\""] it happened"#;
    assert_eq!(
        parts(line),
        ["2003-10-11T22:14:15.003000Z", "INFO", "evntslog", "web-1", line].map(str::to_owned)
    );
    let expected = serde_json::json!({"syslog.facility": "local4", "syslog.procid": 99, "syslog.msgid": "ID47",
        "ex@32473.iut": "3", "ex@32473.s": "a \"b\""});
    assert_eq!(attributes(line), expected);
}

#[test]
fn messages_of_syslog_keep_every_byte_behind_the_header() {
    for (sent, message) in [
        ("<34>Oct 11 22:14:15 web-1 su: 'su root' failed", "'su root' failed"),
        ("<34>Oct 11 22:14:15 web-1 su:   three spaces ", "  three spaces "),
        ("<34>Oct 11 22:14:15 web-1 su: [a b=\"c\"] rest", "[a b=\"c\"] rest"),
        ("<34>Oct 11 22:14:15 web-1 su: [plain] rest", "[plain] rest"),
        ("<34>1 2003-10-11T22:14:15Z web-1 su - ID47 - \u{feff}text ", "text "),
        ("<34>1 2003-10-11T22:14:15Z web-1 su - ID47 -", ""),
        ("<34>1 2003-10-11T22:14:15Z web-1 su - - [x@1 a=\"b\"]", ""),
    ] {
        let line = syslog::parse_message(sent, arrival()).unwrap_or_else(|| panic!("{sent}"));
        assert_eq!(line.message, message, "{sent}");
        assert_eq!((line.service.as_deref(), line.host.as_ref()), (Some("su"), "web-1"), "{sent}");
    }
}

#[test]
fn access_logs_become_attributes() {
    let line =
        r#"203.0.113.9 - kim [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 503 2326 "-" "curl/8 \"x\"""#;
    assert_eq!(parts(line), ["2000-10-10T20:55:36Z", "ERROR", "-", "", line].map(str::to_owned));
    let expected = serde_json::json!({"client.address": "203.0.113.9", "user.name": "kim", "http.request.method": "GET",
        "url.original": "/a?b=c", "network.protocol.version": 1.1, "http.response.status_code": 503,
        "http.response.body.size": 2326, "user_agent.original": "curl/8 \\\"x\\\""});
    assert_eq!(attributes(line), expected);
    assert_eq!(parts(r#"::1 - - [10/Oct/2000:13:55:36 +0000] "-" 408 -"#)[1], "WARN");
}

#[test]
fn a_line_with_parts_beyond_the_limits_is_a_message_as_it_stands() {
    let many: String = (0..129).map(|n| format!("k{n}=v ")).collect();
    let long_host = format!("Feb 10 06:55:46 {} sshd[1]: x", "h".repeat(300));
    let long_original = format!("\u{1b}[0m{}", "x".repeat(40_000));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    for line in [many.as_str(), &long_host, &long_original, &deep] {
        assert_eq!(parsed(line).message, line);
        assert_eq!(attributes(line), serde_json::json!({}));
    }
    let long_message = format!("2025-10-23 12:00:00 WARN [pay] {}", "x".repeat(40_000));
    assert_eq!(
        parts(&long_message),
        ["2025-10-23T12:00:00Z", "WARN", "pay", "", &long_message].map(str::to_owned)
    );
}

#[test]
fn a_line_with_half_of_a_surrogate_pair_is_left_whole() {
    for line in [r#"{"msg":"m","a":["\ud800"]}"#, r#"x {"a":"\udc00 "}"#] {
        assert_eq!(parts(line)[4], line);
        assert_eq!(attributes(line), serde_json::json!({}), "{line}");
    }
}

/// Names that are compared one by one would make this test last for minutes.
#[test]
fn a_line_may_have_very_many_members() {
    let pairs = (0..30_000).map(|n| format!("a{n:05}=1")).collect::<Vec<_>>().join(" ");
    let object = (0..25_000).map(|n| format!("\"{n:05}\":1")).collect::<Vec<_>>().join(",");
    for line in [pairs, format!("{{{object}}}")] {
        for _ in 0..10 {
            assert_eq!(parts(&line)[4], line);
        }
    }
}

#[test]
fn structured_data_that_no_record_may_have_are_given_up_early() {
    let elements: String = (0..7000).map(|n| format!(" k{n}=\"1\"")).collect();
    let sent = format!("<34>1 2003-10-11T22:14:15Z web-1 su - - [x@1{elements}] m");
    assert!(syslog::parse_message(&sent, arrival()).unwrap().attributes.is_full());
}
