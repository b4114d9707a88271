//! Real logs go in and come out unchanged: 12,000 lines of Apache, Linux, OpenSSH, OpenStack, Spark and ZooKeeper.
//!
//! The files in `tests/loghub` are from loghub, <https://github.com/logpai/loghub>, under the license that lies
//! beside them. Jieming Zhu, Shilin He, Pinjia He, Jinyang Liu, Michael R. Lyu. Loghub: A Large Collection of
//! System Log Datasets for AI-driven Log Analytics. In ISSRE, 2023.
//!
//! What a record is made of: the time from the columns of the date and time (with a year where they lack one),
//! `Level` as the level, `Component` as the service, `Content` as the message, all other columns as attributes
//! under their own names. Apache's file has no `Component`, so its service is `apache`. OpenSSH's has no `Level`, and
//! what stands there in Linux's is the name of the machine; it stays an attribute, and these logs are INFO.

use std::collections::BTreeMap;
use std::process::Command;

use e2e_tests::installation::ask;
use e2e_tests::programs::{output_of, program, repository};
use e2e_tests::{Answer, Installation};
use reqwest::Url;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Lines of each file.
const LINES: usize = 2000;

/// A file, and what its columns mean.
struct File {
    name: &'static str,
    /// The columns that say when it happened.
    time_columns: &'static [&'static str],
    /// Makes RFC 3339 of these columns' values.
    timestamp: fn(&[&str]) -> String,
    /// Whether `Level` is a severity.
    has_level: bool,
}

const FILES: [File; 6] = [
    File {
        name: "Apache",
        time_columns: &["Time"],
        // Sun Dec 04 04:47:44 2005
        timestamp: |values| {
            let parts: Vec<&str> = values[0].split(' ').collect();
            format!("{}-{}-{}T{}Z", parts[4], month(parts[1]), parts[2], parts[3])
        },
        has_level: true,
    },
    File {
        name: "Linux",
        time_columns: &["Month", "Date", "Time"],
        timestamp: |values| format!("2005-{}-{:0>2}T{}Z", month(values[0]), values[1], values[2]),
        has_level: false,
    },
    File {
        name: "OpenSSH",
        time_columns: &["Date", "Day", "Time"],
        timestamp: |values| format!("2016-{}-{:0>2}T{}Z", month(values[0]), values[1], values[2]),
        has_level: false,
    },
    File {
        name: "OpenStack",
        time_columns: &["Date", "Time"],
        timestamp: |values| format!("{}T{}Z", values[0], values[1]),
        has_level: true,
    },
    File {
        name: "Spark",
        time_columns: &["Date", "Time"],
        // 17/06/09
        timestamp: |values| format!("20{}T{}Z", values[0].replace('/', "-"), values[1]),
        has_level: true,
    },
    File {
        name: "Zookeeper",
        time_columns: &["Date", "Time"],
        // 17:41:44,747
        timestamp: |values| format!("{}T{}Z", values[0], values[1].replace(',', ".")),
        has_level: true,
    },
];

/// How often each severity occurs in the six files: counted with other tools, so that a mistake in reading them
/// here does not go unnoticed.
const SEVERITIES: [(&str, u64); 3] =
    [("INFO", 2000 * 3 + 1405 + 1969 + 669), ("WARNING", 31 + 1318), ("ERROR", 595 + 13)];

/// The services with the most logs, counted likewise.
const SERVICES: [(&str, u64); 5] = [
    ("LabSZ", 2000),
    ("apache", 2000),
    ("ftpd", 916),
    ("nova.osapi_compute.wsgi.server", 809),
    ("188978561024:QuorumCnxManager$SendWorker", 574),
];

/// How many services there are, counted likewise.
const SERVICE_COUNT: usize = 130;

/// The fields of a stored log as the answer spells them.
type RawLog = BTreeMap<String, Box<RawValue>>;

/// A line of a file as it is sent, or as it comes back.
#[derive(Debug, Clone)]
struct Line {
    timestamp: String,
    /// As the file spells it.
    level: Option<String>,
    /// As an answer spells it.
    severity: String,
    service: String,
    message: String,
    /// The very bytes.
    attributes: String,
}

#[tokio::test]
async fn real_logs_come_back_byte_for_byte_and_their_counts_are_exact() {
    let installation = Installation::start();
    let files: Vec<Vec<Line>> = FILES.iter().map(read).collect();

    let mut first_ids = Vec::new();
    for lines in &files {
        let body = format!("[{}]", lines.iter().map(Line::to_json).collect::<Vec<_>>().join(","));
        let (_, answer) = ask(installation.post("/logs").body(body)).await;
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(LINES), &json!(0)), "{answer}");
        first_ids.push(answer["first_id"].as_i64().expect("an id"));
    }

    let stored = all_raw_logs(&installation).await;
    assert_eq!(stored.len(), FILES.len() * LINES);
    for ((file, lines), first_id) in FILES.iter().zip(&files).zip(first_ids) {
        for (id, line) in (first_id..).zip(lines) {
            let found = stored.get(&id).map(Line::of_stored);
            assert_eq!(found.as_ref(), Some(line), "{} id {id}", file.name);
        }
    }
    check_counts(&installation, &files.concat()).await;
}

/// Checks the counts that `/stats` gives, and those that walks give.
async fn check_counts(installation: &Installation, lines: &[Line]) {
    let mut services: BTreeMap<&str, u64> = BTreeMap::new();
    for line in lines {
        *services.entry(&line.service).or_default() += 1;
    }
    let severities = BTreeMap::from(SEVERITIES);

    let (_, stats) = ask(installation.get("/stats")).await;
    assert_eq!(stats["total"], lines.len());
    assert_eq!(stats["logs_per_service"], json!(services));
    assert_eq!(stats["logs_per_severity"], json!(severities));

    assert_eq!(services.len(), SERVICE_COUNT);
    for (service, count) in SERVICES {
        assert_eq!(services.get(service), Some(&count), "{service}");
    }
    let by_service = services.iter().map(|(service, count)| ("service", *service, *count));
    let by_severity = severities.iter().map(|(severity, count)| ("severity", *severity, *count));
    for (parameter, value, count) in by_service.chain(by_severity) {
        let query = Url::parse_with_params("http://x", [(parameter, value)]).expect("a URL");
        let query = query.query().expect("it has one");
        let found = installation.all_logs(query).await;
        assert!(found.iter().all(|log| log[parameter] == value), "{query}");
        assert_eq!(found.len() as u64, count, "{query}");
    }
}

/// Reads a file.
fn read(file: &File) -> Vec<Line> {
    let path = repository().join(format!("tests/loghub/{}_2k.log_structured.csv", file.name));
    let mut rows = csv::Reader::from_path(&path).expect("the file is in the repository");
    let columns = rows.headers().expect("the file has a head").clone();
    let lines = rows.records().map(|row| {
        let row = row.expect("a row of the file is CSV");
        let cells: Vec<(&str, &str)> = columns.iter().zip(row.iter()).collect();
        Line::of_row(file, &cells)
    });
    let lines: Vec<Line> = lines.collect();
    assert_eq!(lines.len(), LINES, "{}", file.name);
    lines
}

/// Walks through all logs; returns the fields of each as JSON text, by id.
async fn all_raw_logs(installation: &Installation) -> BTreeMap<i64, RawLog> {
    let mut logs = BTreeMap::new();
    let mut next = Some("/logs?limit=1000&order=asc".to_owned());
    while let Some(path) = next {
        let answer = Answer::to(installation.get(&path)).await;
        let page: Vec<RawLog> = serde_json::from_slice(&answer.body).expect("an array of objects");
        logs.extend(page.into_iter().map(|log| (log["id"].get().parse().expect("an integer"), log)));
        let link = answer.header("link").strip_prefix('<').and_then(|link| link.split('>').next());
        next = link.map(str::to_owned);
    }
    logs
}

impl Line {
    fn of_row(file: &File, cells: &[(&str, &str)]) -> Self {
        let cell = |name: &str| cells.iter().find(|(column, _)| *column == name).map(|(_, value)| *value);
        let times: Vec<&str> =
            file.time_columns.iter().map(|name| cell(name).expect("the column is there")).collect();
        let level = if file.has_level { cell("Level") } else { None };
        let mut own_columns = [file.time_columns, &["Component", "Content"]].concat();
        own_columns.extend(level.map(|_| "Level"));
        let attributes = cells.iter().filter(|(column, _)| !own_columns.contains(column));
        let attributes: Vec<String> =
            attributes.map(|(column, value)| format!("{}: {}", json!(column), json!(value))).collect();
        Self {
            timestamp: (file.timestamp)(&times),
            severity: severity_of(level),
            service: cell("Component").map_or_else(|| file.name.to_lowercase(), str::to_owned),
            message: cell("Content").expect("the column is there").to_owned(),
            attributes: format!("{{{}}}", attributes.join(" , ")),
            level: level.map(str::to_owned),
        }
    }

    fn to_json(&self) -> String {
        let level = self.level.as_ref().map(|level| format!(r#""level":{},"#, json!(level)));
        format!(
            r#"{{"timestamp":{},"service":{},{}"message":{},"attributes":{}}}"#,
            json!(self.timestamp),
            json!(self.service),
            level.unwrap_or_default(),
            json!(self.message),
            self.attributes
        )
    }

    fn of_stored(log: &RawLog) -> Self {
        let text = |field: &str| serde_json::from_str::<String>(log[field].get()).expect("a text");
        Self {
            timestamp: text("timestamp"),
            severity: text("severity"),
            service: text("service"),
            message: text("message"),
            attributes: log["attributes"].get().to_owned(),
            level: None,
        }
    }
}

/// What the level column of a line says is compared by its meaning.
impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        let parts = |line: &Self| {
            let timestamp = line.timestamp.trim_end_matches('Z').to_owned();
            let (seconds, fraction) = timestamp.split_once('.').unwrap_or((&timestamp, ""));
            let time = format!("{seconds}.{fraction:0<6}");
            (time, line.severity.clone(), line.service.clone(), line.message.clone(), line.attributes.clone())
        };
        parts(self) == parts(other)
    }
}

/// Returns how an answer spells the severity that a line names.
fn severity_of(level: Option<&str>) -> String {
    let severity = match level {
        None | Some("INFO" | "notice") => "INFO",
        Some("WARN" | "WARNING") => "WARNING",
        Some("ERROR" | "error") => "ERROR",
        Some(other) => panic!("the files have no level {other}"),
    };
    severity.to_owned()
}

fn month(name: &str) -> String {
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let place = names.iter().position(|known| *known == name).expect("a month");
    format!("{:0>2}", place + 1)
}

/// The raw files, shipped: every line is there, in the order of its file, byte for byte (without its line end).
#[tokio::test]
async fn shipped_files_come_back_line_by_line_and_in_order() {
    let installation = Installation::start();
    let state = tempfile::tempdir().unwrap();
    let logs = repository().join("tests/loghub");
    let mut shipper = Command::new(program("sentinel"));
    shipper.arg("ship").arg("--once").arg("--log-file").arg(logs.join("*_2k.log"));
    shipper.args(["--url", &installation.ingest.url(""), "--state-dir", state.path().to_str().unwrap()]);
    shipper.env("SENTINEL_KEY", &installation.key);
    let shipped = tokio::task::spawn_blocking(move || output_of(&mut shipper)).await.unwrap();
    assert!(shipped.status.success(), "{}", String::from_utf8_lossy(&shipped.stderr));

    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let file = Answer::to(installation.get("/api/v1/logs/export?format=ndjson")).await.text();
    for line in file.lines() {
        let log: Value = serde_json::from_str(line).unwrap();
        let attributes = &log["attributes"];
        let original = attributes.get("log.record.original").unwrap_or(&log["message"]);
        let path = attributes["log.file.path"].as_str().unwrap().to_owned();
        // What belongs together is one record of several lines.
        let lines = original.as_str().unwrap().split('\n').map(str::to_owned);
        found.entry(path).or_default().extend(lines);
    }

    for File { name, .. } in &FILES {
        let path = logs.join(format!("{name}_2k.log"));
        let sent = std::fs::read_to_string(&path).unwrap();
        let sent: Vec<&str> = sent.lines().collect();
        assert_eq!(sent.len(), LINES);
        let found = &found[path.to_str().unwrap()];
        let differs = sent.iter().zip(found).position(|(sent, found)| sent != found);
        assert_eq!((found.len(), differs.map(|at| (sent[at], &found[at]))), (LINES, None), "{name}");
    }
}
