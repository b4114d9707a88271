//! Texts that would do harm if anything ran them: as the value of every parameter that the OpenAPI documents
//! list, and in every field of a record. None makes a service fail, changes what is stored, or is altered.

use e2e_tests::{Answer, Installation};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};

const TEXTS: [&str; 9] = [
    "' OR 1=1 --",
    "'; DROP TABLE blocks; --",
    "1); DELETE FROM blocks; --",
    "%' OR '1'='1",
    "x' UNION select key FROM keys --",
    "\" OR \"\"=\"",
    "\0",
    "../../../etc/passwd",
    "${jndi:ldap://127.0.0.1/a}{{7*7}}<script>alert(1)</script>",
];

/// The parameters that take any text; all others refuse these.
const FREE_TEXT: [&str; 8] =
    ["service", "attr.<name>", "category", "environment", "status", "ticket_id", "name", "prefix"];

/// The parameters that look for texts: they find what holds one, if they can read it.
const LOOKS_FOR: [&str; 2] = ["q", "query"];

/// The service that has what is stored: what is not selected never shows it.
const KEEPER: &str = "keeper";

#[tokio::test]
async fn hostile_texts_in_any_parameter_are_refused_or_find_nothing() {
    let installation = Installation::start();
    let stored = post_hostile_records(&installation, KEEPER).await;

    let mut wrong = Vec::new();
    let mut asked = 0;
    let document = Answer::to(installation.client.get(installation.query.url("/openapi.json"))).await.json();
    for (path, operations) in document["paths"].as_object().expect("the document has paths") {
        for (method, operation) in operations.as_object().expect("a path has operations") {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let looks_for_texts = LOOKS_FOR.iter().any(|name| parameter["name"] == *name);
                if looks_for_texts && method == "delete" {
                    // It would delete what holds the text, as it should.
                    continue;
                }
                for text in TEXTS {
                    let (request, status) = request_with(&installation, method, path, parameter, text);
                    let answer = Answer::to(request).await;
                    asked += 1;
                    let fault = match looks_for_texts {
                        true => fault_of_search(&answer, text),
                        false => fault_of(&answer, status),
                    };
                    let what = format!("{method} {path} {} {text:?}", parameter["name"]);
                    wrong.extend(fault.map(|fault| format!("{what}: {fault}")));
                }
            }
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked > 200, "the document lists parameters: {asked}");
    assert_eq!(installation.all_logs("").await.len(), stored);
    assert_eq!(Answer::to(installation.get("/stats")).await.json()["total"], stored);
}

#[tokio::test]
async fn hostile_texts_in_any_field_are_only_texts() {
    let installation = Installation::start();

    let stored = post_hostile_records(&installation, "' OR 1=1 --").await;

    let mut logs = installation.all_logs("service='+OR+1%3D1+--").await;
    logs.sort_by_key(|log| log["id"].as_i64());
    assert_eq!(logs.len(), stored);
    for (log, text) in logs.iter().zip(TEXTS) {
        let expected = [&json!(text), &json!(text), &json!({ text: text })];
        assert_eq!([&log["message"], &log["host"], &log["attributes"]], expected);
    }
    assert!(installation.all_logs("service='+OR+1%3D1").await.is_empty());
}

/// Posts a record of `service` for every text, with the text in every other field; returns how many.
async fn post_hostile_records(installation: &Installation, service: &str) -> usize {
    let record = |text: &&str| json!({"service": service, "message": text, "host": text, "trace_id": text, "attributes": {*text: text}});
    let records: Vec<Value> = TEXTS.iter().map(record).collect();
    let idempotency_key = installation.post("/logs").header("Idempotency-Key", TEXTS[1]).json(&records);
    let answer = Answer::to(idempotency_key).await;
    assert_eq!(answer.json()["accepted"], TEXTS.len(), "{}", answer.text());
    TEXTS.len()
}

/// Makes a request with a text as the value of one parameter; also returns the status to expect.
fn request_with(
    installation: &Installation,
    method: &str,
    path: &str,
    parameter: &Value,
    text: &str,
) -> (RequestBuilder, u16) {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
    let name = parameter["name"].as_str().expect("a name");
    let mut url = Url::parse(&installation.query.url("")).expect("an address");
    if parameter["in"] == "path" {
        let segments = path.split('/').skip(1).map(|part| if part.starts_with('{') { text } else { part });
        url.path_segments_mut().expect("http has a path").clear().extend(segments);
    } else {
        // The first log is one of those that are stored; no field has the other name.
        url.set_path(&path.replace("{id}", "1").replace("{name}", "nothing"));
        url.query_pairs_mut().append_pair(name, text);
    }
    // An id of these is any text.
    let has_any_id = parameter["in"] == "path" && (path.contains("/keys/") || path.contains("/users/"));
    let status = match name {
        _ if has_any_id => 404,
        name if FREE_TEXT.contains(&name) => 200,
        _ => 400,
    };
    (installation.client.request(method, url).bearer_auth(&installation.key), status)
}

/// Says what is wrong with an answer to a hostile parameter, if anything is.
fn fault_of(answer: &Answer, status: u16) -> Option<String> {
    if status == 400 {
        return answer
            .problem(400, "invalid_parameter")
            .or_else(|_| answer.problem(400, "invalid_cursor"))
            .err();
    }
    if status == 404 {
        // An empty name is a path of its own, which may know other methods.
        let is_nothing = [404, 405].contains(&answer.status.as_u16());
        return (!is_nothing).then(|| format!("found {} {}", answer.status, answer.text()));
    }
    // The log that a context is about is there whatever is asked of those around it.
    let is_context = !answer.json()["log"].is_null();
    let is_nothing = is_context || answer.json()["total"] == 0 || !answer.text().contains(KEEPER);
    let is_right = answer.status == status && is_nothing;
    (!is_right).then(|| format!("found {} {}", answer.status, answer.text()))
}

/// Says what is wrong with the answer to a search for a hostile text, if anything is.
fn fault_of_search(answer: &Answer, text: &str) -> Option<String> {
    if answer.status == 400 {
        return answer.problem(400, "invalid_parameter").err();
    }
    let found = answer.json();
    let logs = found.as_array().or_else(|| found["logs"].as_array()).cloned().unwrap_or_default();
    let holds_text = |log: &Value| log["message"].as_str().is_some_and(|message| message.contains(text));
    let is_right = answer.status == 200 && logs.iter().all(holds_text);
    (!is_right).then(|| format!("found {} {}", answer.status, answer.text()))
}
