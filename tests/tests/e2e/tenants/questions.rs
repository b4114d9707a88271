//! Random requests to every operation, aimed at another tenant's objects.

use std::fmt;

use e2e_tests::{Installation, Service};
use rand::Rng;
use rand::rngs::StdRng;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::one_of;

/// What can be known of the other tenant.
pub(super) struct Known {
    pub(super) ids: Vec<i64>,
    pub(super) cursor: String,
    pub(super) rule_id: i64,
}

/// A request.
pub(super) struct Question {
    method: Method,
    path: String,
    to_ingest: bool,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
}

/// Filters that the canary's records match, without saying the canary.
const FILTERS: [&str; 12] = [
    "service=shared-name",
    "level=ERROR",
    "q=zq7*",
    "q=%2Fzq7.anary%5B0-9%5D%2B%2F",
    "q=host:host-zq7*",
    "q=trace_id:*",
    "q=NOT%20mine",
    "q=category:*anary4711",
    "status=FAILED",
    "min_severity=error",
    "time_range=24h",
    "from=1970-01-01T00:00:00Z",
];

const SEARCHES: [&str; 17] = [
    "/logs",
    "/api/v1/logs",
    "/api/v1/logs/recent",
    "/stats",
    "/api/v1/metrics/overview",
    "/api/v1/metrics/system",
    "/api/v1/metrics/service/shared-name",
    "/api/v1/metrics/categories",
    "/api/v1/services",
    "/api/v1/fields",
    "/api/v1/fields/host/values",
    "/api/v1/fields/message/values",
    "/api/v1/fields/category/values",
    "/api/v1/metrics/timeseries",
    "/api/v1/logs/export",
    "/report/csv",
    "/logs/tail",
];

impl Question {
    /// Draws one.
    pub(super) fn random(rng: &mut StdRng, known: &Known) -> Self {
        match rng.random_range(0..20) {
            0..9 => Self::search(rng, known),
            9..12 => Self::by_id(rng, known),
            12 => Self::get(format!("/logs?limit=5&cursor={}", altered(rng, &known.cursor))),
            13 => Self::get(format!("/api/v1/logs?page_size=5&cursor={}", altered(rng, &known.cursor))),
            14 => Self::search_by_body(rng),
            15 => Self::rules(rng, known),
            16 => Self::delete(rng),
            17 => Self::repeat_of_a_post(rng),
            _ => Self::administration(rng),
        }
    }

    /// Says whether it changes nothing.
    pub(super) fn only_reads(&self) -> bool {
        self.method == Method::GET || self.path.ends_with("/search")
    }

    /// Says whether it stores something, which nothing of another tenant's may prevent.
    pub(super) fn is_to_succeed(&self) -> bool {
        self.to_ingest
    }

    pub(super) fn request(
        &self,
        client: &Client,
        installation: &Installation,
        query: &Service,
    ) -> RequestBuilder {
        let url = if self.to_ingest { installation.ingest.url(&self.path) } else { query.url(&self.path) };
        let mut request = client.request(self.method.clone(), url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        match &self.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    fn get(path: String) -> Self {
        Self { method: Method::GET, path, to_ingest: false, headers: Vec::new(), body: None }
    }

    fn search(rng: &mut StdRng, known: &Known) -> Self {
        let path = one_of(rng, &SEARCHES);
        let mut query = one_of(rng, &FILTERS).to_owned();
        let second = one_of(rng, &FILTERS);
        if rng.random_bool(0.3) && second.split('=').next() != query.split('=').next() {
            query = format!("{query}&{second}");
        }
        match path {
            "/api/v1/metrics/timeseries" => query.push_str("&interval=1h&group_by=service"),
            "/logs" | "/api/v1/logs" if rng.random_bool(0.3) => query.push_str("&offset=1"),
            _ => {}
        }
        let mut question = Self::get(format!("{path}?{query}"));
        if path == "/logs/tail" {
            question.headers.push(("Last-Event-ID", an_id(rng, known).to_string()));
        }
        question
    }

    fn by_id(rng: &mut StdRng, known: &Known) -> Self {
        let id = an_id(rng, known);
        let path = one_of(
            rng,
            &[
                "/logs/{}",
                "/api/v1/logs/{}",
                "/logs/{}/context",
                "/api/v1/logs/{}/context?before=40&after=40",
            ],
        );
        Self::get(path.replace("{}", &id.to_string()))
    }

    fn search_by_body(rng: &mut StdRng) -> Self {
        let query = one_of(rng, &["", "zq7*", "level:error", "trace_id:*", "/zq7.+/"]);
        let body = json!({"query": query, "services": ["shared-name"], "limit": 50});
        let path = "/api/v1/logs/search".to_owned();
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }

    fn rules(rng: &mut StdRng, known: &Known) -> Self {
        match rng.random_range(0..3) {
            0 => Self::get("/api/v1/retention-rules".to_owned()),
            1 => Self::get("/api/v1/retention-rules/preview".to_owned()),
            _ => Self {
                method: Method::DELETE,
                ..Self::get(format!("/api/v1/retention-rules/{}", known.rule_id))
            },
        }
    }

    fn delete(rng: &mut StdRng) -> Self {
        let dry_run = if rng.random_bool(0.5) { "&dry_run=true" } else { "" };
        let filter = one_of(rng, &FILTERS);
        Self { method: Method::DELETE, ..Self::get(format!("/logs?{filter}{dry_run}")) }
    }

    /// A post under an idempotency key that the other tenant has used: stored anew, never answered with the other's ids.
    fn repeat_of_a_post(rng: &mut StdRng) -> Self {
        let key = format!("batch-{}", rng.random_range(0..40));
        Self {
            method: Method::POST,
            to_ingest: true,
            headers: vec![("Idempotency-Key", key)],
            body: Some(json!({"service": "shared-name", "message": "mine again"})),
            ..Self::get("/logs".to_owned())
        }
    }

    fn administration(rng: &mut StdRng) -> Self {
        let path =
            one_of(rng, &["/api/v1/keys", "/api/v1/audit?limit=1000", "/api/v1/users", "/api/v1/auth/me"]);
        Self::get(path.to_owned())
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?} {:?}", self.method, self.path, self.headers, self.body)
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn an_id(rng: &mut StdRng, known: &Known) -> i64 {
    match rng.random_range(0..4) {
        0 => rng.random_range(0..200),
        _ => known.ids[rng.random_range(0..known.ids.len())],
    }
}

/// Returns a cursor as it is, or with one character changed.
fn altered(rng: &mut StdRng, cursor: &str) -> String {
    let mut bytes = cursor.as_bytes().to_vec();
    if rng.random_bool(0.5) {
        let at = rng.random_range(0..bytes.len());
        bytes[at] = b"ABCxyz019_-"[rng.random_range(0..11)];
    }
    String::from_utf8(bytes).expect("cursors are ASCII")
}
