//! Logs that come in as to Elasticsearch: what is stored, what each item and each error says, and what shippers ask first.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e_tests::{Answer, Installation, Service};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// An item of a bulk body: a document of the index `logs-shop-default`, with this `_id` unless it is empty.
fn create(id: &str, message: &str) -> String {
    let mut meta = json!({"_index": "logs-shop-default"});
    if !id.is_empty() {
        meta["_id"] = json!(id);
    }
    let document =
        json!({"@timestamp": "2025-04-01T12:00:00Z", "message": message, "log": {"level": "warn"}});
    format!("{}\n{document}\n", json!({"create": meta}))
}

fn bulk(installation: &Installation, body: &str) -> RequestBuilder {
    let request = installation.post("/elasticsearch/_bulk").header("content-type", "application/x-ndjson");
    request.body(body.to_owned())
}

/// Sends a bulk body, whose answer has to be a 200.
async fn send(installation: &Installation, body: &str) -> Value {
    let answer = Answer::to(bulk(installation, body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-elastic-product"), "Elasticsearch");
    answer.json()
}

fn statuses(answer: &Value) -> Vec<u64> {
    let items = answer["items"].as_array().expect("an answer has items");
    items.iter().map(|item| item["create"]["status"].as_u64().expect("an item has a status")).collect()
}

fn ids(answer: &Value) -> Vec<&str> {
    let items = answer["items"].as_array().expect("an answer has items");
    items.iter().map(|item| item["create"]["_id"].as_str().expect("an item has an id")).collect()
}

#[tokio::test]
async fn documents_are_found_at_once_and_each_item_has_its_answer() {
    let installation = Installation::start();
    let broken =
        "{\"create\":{\"_index\":\"logs-shop-default\",\"_id\":\"x\"}}\n{\"@timestamp\":\"never\"}\n";
    let body = [&create("a-1", "first"), broken, &create("", "second")].concat();

    let answer = send(&installation, &body).await;

    assert_eq!(answer["errors"], true);
    assert_eq!(statuses(&answer), [201, 400, 201]);
    let error = &answer["items"][1]["create"]["error"];
    assert_eq!(error["type"], "document_parsing_exception");
    assert!(error["reason"].as_str().unwrap().contains("never"), "{error}");
    let logs = installation.all_logs("service=logs-shop-default&severity=WARN").await;
    let messages: Vec<_> = logs.iter().map(|log| log["message"].as_str().unwrap()).collect();
    assert_eq!(messages.len(), 2, "{logs:?}");
    assert!(messages.contains(&"first") && messages.contains(&"second"));
    assert_eq!(logs[0]["timestamp"], "2025-04-01T12:00:00Z");
    let second = logs.iter().find(|log| log["message"] == "second").unwrap();
    assert_eq!(ids(&json!({"items": [answer["items"][2]]})), [second["id"].to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_with_a_known_id_is_stored_once_however_it_is_sent_again() {
    let mut installation = Installation::start();
    let documents: Vec<String> =
        (0..200).map(|n| create(&format!("d-{n}"), &format!("document {n}"))).collect();

    let first = send(&installation, &documents[..120].concat()).await;
    let (left, right) = (documents[60..].concat(), documents[100..].concat());
    let (left, right) = tokio::join!(send(&installation, &left), send(&installation, &right));
    installation.ingest.crash();
    installation.ingest.start_again();
    installation.forget_connections();
    let again = send(&installation, &documents.concat()).await;

    assert_eq!(statuses(&first), [201; 120]);
    assert_eq!(statuses(&left)[..60], [200; 60]);
    assert_eq!(statuses(&right)[..20], [200; 20]);
    let stored = statuses(&left).iter().chain(&statuses(&right)).filter(|status| **status == 201).count();
    assert_eq!(stored, 80);
    assert_eq!(statuses(&again), [200; 200]);
    assert_eq!(again["errors"], false);
    let expected: Vec<String> = (0..200).map(|n| format!("d-{n}")).collect();
    assert_eq!(ids(&again), expected);
    assert_eq!(installation.all_logs("").await.len(), 200);
}

#[tokio::test]
async fn the_same_id_of_another_index_or_tenant_is_another_document() {
    let installation = Installation::start();
    let elsewhere = installation.create_key(&["--tenant", "elsewhere", "--scopes", "ingest"]);
    let body = create("1", "m");
    send(&installation, &body).await;

    let other_index = send(&installation, &body.replace("shop", "bank")).await;
    let other_tenant = Client::new().post(installation.ingest.url("/elasticsearch/_bulk"));
    let other_tenant = other_tenant.header("content-type", "application/json").bearer_auth(elsewhere);
    let other_tenant = Answer::to(other_tenant.body(body)).await;

    assert_eq!((statuses(&other_index), statuses(&other_tenant.json())), (vec![201], vec![201]));
    assert_eq!(installation.all_logs("").await.len(), 2);
}

#[tokio::test]
async fn a_client_says_who_it_is_as_elasticsearchs_clients_do() {
    let installation = Installation::start();
    let key = &installation.key;
    let plain = || Client::new().get(installation.ingest.url("/elasticsearch/"));
    for request in [
        plain().basic_auth("elastic", Some(key)),
        plain().header("authorization", format!("ApiKey {}", STANDARD.encode(format!("shipper:{key}")))),
        plain().bearer_auth(key),
    ] {
        let answer = Answer::to(request).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-elastic-product")), (200, "Elasticsearch"));
        assert_eq!(answer.json()["tagline"], "You Know, for Search");
    }
}

#[tokio::test]
async fn every_error_below_the_path_has_elasticsearchs_shape() {
    let installation = Installation::start();
    let reader = installation.create_key(&["--scopes", "read"]);
    let url = |path: &str| installation.ingest.url(path);
    let client = || Client::new();
    let ndjson = |request: RequestBuilder| request.header("content-type", "application/x-ndjson");
    let large = vec![b' '; 9 * 1024 * 1024];
    let requests = [
        (401, client().get(url("/elasticsearch/"))),
        (401, client().post(url("/elasticsearch/_bulk")).bearer_auth("wrong")),
        (403, ndjson(client().post(url("/elasticsearch/_bulk")).bearer_auth(&reader).body(create("", "m")))),
        (404, client().get(url("/elasticsearch/a/b/c")).bearer_auth(&installation.key)),
        (405, client().delete(url("/elasticsearch/_bulk")).bearer_auth(&installation.key)),
        (415, installation.post("/elasticsearch/_bulk").header("content-type", "text/plain").body("x")),
        (400, bulk(&installation, "no action\n{}\n")),
        (400, bulk(&installation, "")),
        (413, bulk(&installation, "").body(large)),
    ];
    for (status, request) in requests {
        let answer = Answer::to(request).await;
        let error = answer.json();
        assert_eq!(answer.status, status, "{error}");
        assert_eq!(answer.header("x-elastic-product"), "Elasticsearch", "{status}");
        assert_eq!(error["status"], status);
        assert!(error["error"]["type"].is_string() && error["error"]["reason"].is_string(), "{error}");
        assert_eq!(error["error"]["root_cause"][0]["reason"], error["error"]["reason"]);
    }
    let elsewhere = Answer::to(client().get(url("/elasticsearches"))).await;
    elsewhere.problem(404, "not_found").unwrap();
}

#[tokio::test]
async fn a_key_of_one_service_stores_under_it_and_no_other() {
    let installation = Installation::start();
    let key = installation.create_key(&["--scopes", "ingest", "--service", "shop"]);
    let of = |service: &str| {
        let document = json!({"message": "m", "service": {"name": service}});
        format!("{{\"create\":{{}}}}\n{document}\n")
    };
    let body = [create("", "m"), of("shop"), of("bank")].concat();

    let request = Client::new().put(installation.ingest.url("/elasticsearch/logs-x/_bulk")).bearer_auth(key);
    let answer = Answer::to(request.header("content-type", "application/json").body(body)).await.json();

    assert_eq!(statuses(&answer), [201, 201, 403], "{answer}");
    assert_eq!(answer["items"][1]["create"]["_index"], "logs-x");
    let logs = installation.all_logs("service=shop").await;
    assert_eq!(logs.len(), 2);
    assert!(logs.iter().any(|log| log["attributes"]["_index"] == "logs-shop-default"), "{logs:?}");
}

#[tokio::test]
async fn what_shippers_ask_before_they_send_is_answered() {
    let data = tempfile::tempdir().unwrap();
    let sentinel = Service::start("sentinel", data.path(), &[]);
    let key = e2e_tests::installation::sentinel(&["keys", "create", "--scopes", "ingest"], data.path());
    let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
    let paths = [
        "",
        "/",
        "/_license?human=false",
        "/_xpack",
        "/_cluster/health",
        "/_cat/health",
        "/_index_template/filebeat-8.19.0",
        "/_ilm/policy/filebeat",
        "/_ingest/pipeline/filebeat-8.19.0-nginx-access-pipeline",
        "/logs-shop-default",
    ];
    for path in paths {
        for method in [Method::GET, Method::HEAD] {
            let request =
                Client::new().request(method.clone(), sentinel.url(&format!("/elasticsearch{path}")));
            let answer = Answer::to(request.bearer_auth(&key)).await;
            assert_eq!(answer.status, 200, "{method} {path}");
            assert_eq!(answer.header("x-elastic-product"), "Elasticsearch", "{method} {path}");
            assert_eq!(answer.body.is_empty(), method == Method::HEAD);
        }
    }
    let accept = "application/vnd.elasticsearch+json; compatible-with=9";
    let compatible =
        Client::new().get(sentinel.url("/elasticsearch/")).bearer_auth(&key).header("accept", accept);
    let compatible = Answer::to(compatible).await;
    assert_eq!(compatible.header("content-type"), accept.replace(' ', ""));
    assert_eq!(compatible.json()["version"]["number"], "8.19.0");
}
