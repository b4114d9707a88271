//! The OpenAPI documents: current, and complete enough to write a client from.

use std::fs;

use e2e_tests::programs::repository;
use ingest_svc::api::IngestNotes;
use query_svc::api::QueryNotes;
use sentinel_http::{Documented, SystemApi};
use serde_json::{Value, json};

/// The operations that need no key.
const OPEN: &[&str] = &[
    "welcome",
    "health",
    "status",
    "readyz",
    "livez",
    "metrics",
    "logIn",
    "logOut",
    "issueToken",
    "setUp",
    "setUpPage",
    "setUpScript",
    "setUpStyle",
];

/// Of these, the ones that answer with a report of their own when the service is not ready.
const REPORTS: [&str; 3] = ["health", "status", "readyz"];

/// Paths of other protocols, which answer errors in the shape of theirs.
const FOREIGN: [&str; 3] = [" /elasticsearch", " /v1/logs", " /loki/"];

/// An operation of a document.
struct Operation {
    /// Where it is, for messages.
    place: String,
    value: Value,
}

#[test]
fn the_documents_in_the_repository_are_what_the_services_serve() {
    for (name, served) in documents() {
        let path = format!("openapi/{name}.json");
        let kept = fs::read_to_string(repository().join(&path)).expect("the document is in the repository");
        let first_difference = kept.lines().zip(served.lines()).position(|(kept, served)| kept != served);
        assert!(kept == served, "{path} is stale (line {first_difference:?}): run tests/openapi.sh --write");
    }
}

#[test]
fn every_operation_has_an_id_of_its_own_and_says_what_it_does() {
    for (name, _) in documents() {
        let operations = operations_of(name);
        let mut ids: Vec<&str> = operations.iter().map(Operation::id).collect();
        for operation in &operations {
            assert!(!operation.id().is_empty(), "{} has no operationId", operation.place);
            assert!(
                is_text(&operation.value["summary"]) || is_text(&operation.value["description"]),
                "{} says nothing",
                operation.place
            );
        }
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "two operations of {name} have one id: {ids:?}");
    }
}

#[test]
fn every_operation_says_what_it_answers_and_every_error_is_a_problem() {
    for operation in all_operations() {
        let place = &operation.place;
        let responses = operation.value["responses"].as_object().expect("an operation has responses");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{place} has no 2xx");
        assert!(responses.contains_key("500"), "{place} has no 500");
        for (status, response) in responses {
            let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
            // A health check says in its own words that it is not ready.
            let is_report = status == "503" && REPORTS.contains(&operation.id());
            let is_foreign = FOREIGN.iter().any(|path| place.contains(path));
            let is_right = status.starts_with('2')
                || is_report
                || problem == "#/components/schemas/Problem"
                || (is_foreign && response["content"].is_object());
            assert!(is_right, "{place} {status} is no problem: {response}");
            let has_words = status.starts_with('2') || is_text(&response["description"]);
            assert!(has_words, "{place} {status} is not described");
        }
    }
}

#[test]
fn every_placeholder_of_a_path_is_a_parameter_of_its_operation() {
    for operation in all_operations() {
        let path = operation.place.rsplit(' ').next().expect("a place ends with its path");
        let placeholders = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let mut placeholders: Vec<&str> = placeholders.collect();
        let parameters = operation.value["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.filter(|parameter| parameter["in"] == "path");
        let mut parameters: Vec<&str> =
            parameters.filter_map(|parameter| parameter["name"].as_str()).collect();
        placeholders.sort_unstable();
        parameters.sort_unstable();
        assert_eq!(parameters, placeholders, "{}", operation.place);
    }
}

#[test]
fn every_parameter_is_described_with_an_example() {
    let mut wrong = Vec::new();
    for operation in all_operations() {
        for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
            let description = parameter["description"].as_str().unwrap_or_default();
            // In the description, where it is not to be filled in by Swagger UI.
            let has_example = !parameter["example"].is_null()
                || !parameter["schema"]["example"].is_null()
                || description.contains("Example: `");
            if description.is_empty() || !has_example {
                wrong.push(format!("{} {}: {description:?}", operation.place, parameter["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_operation_but_the_open_ones_takes_a_credential_in_each_of_five_ways() {
    let any_of_five = json!([
        {"TokenKey": []}, {"BearerKey": []}, {"HeaderKey": []}, {"BasicKey": []}, {"SessionCookie": []}
    ]);
    for operation in all_operations() {
        let (place, security) = (&operation.place, &operation.value["security"]);
        if OPEN.contains(&operation.id()) {
            assert!(security.is_null() || *security == json!([]), "{place} needs no key: {security}");
            continue;
        }
        assert_eq!(*security, any_of_five, "{place}");
        for status in ["400", "401", "403", "429", "503"] {
            assert!(
                operation.value["responses"][status].is_object(),
                "{place} does not say when it is {status}"
            );
        }
    }
    for (name, document) in documents() {
        let document: Value = serde_json::from_str(&document).expect("a document is JSON");
        let schemes = document["components"]["securitySchemes"].as_object().expect("there are schemes");
        let names: Vec<&String> = schemes.keys().collect();
        assert_eq!(names, ["BasicKey", "BearerKey", "HeaderKey", "SessionCookie", "TokenKey"], "{name}");
    }
}

#[test]
fn notes_speak_only_of_operations_that_are_there() {
    let of_ingest = Documented::<ingest_svc::app::Api, IngestNotes>::unknown_operations();
    let of_query = Documented::<(query_svc::app::Api, SystemApi), QueryNotes>::unknown_operations();
    assert_eq!((of_ingest, of_query), (vec![], vec![]));
}

impl Operation {
    fn id(&self) -> &str {
        self.value["operationId"].as_str().unwrap_or_default()
    }
}

/// Returns what each service serves.
fn documents() -> [(&'static str, String); 2] {
    [("ingest-svc", ingest_svc::app::document()), ("query-svc", query_svc::app::document())]
}

fn all_operations() -> Vec<Operation> {
    documents().iter().flat_map(|(name, _)| operations_of(name)).collect()
}

fn operations_of(service: &str) -> Vec<Operation> {
    let documents = documents();
    let (_, document) = documents.iter().find(|(name, _)| *name == service).expect("there is such a service");
    let document: Value = serde_json::from_str(document).expect("a document is JSON");
    let mut operations = Vec::new();
    for (path, of_path) in document["paths"].as_object().expect("a document has paths") {
        for (method, value) in of_path.as_object().expect("a path has operations") {
            let place = format!("{service}: {method} {path}");
            operations.push(Operation { place, value: value.clone() });
        }
    }
    assert!(operations.len() > 5, "{service} has operations");
    operations
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}
