//! What clients of the older systems and of this one ask, and the exact answers.
//!
//! * `search` every filter and style of paging of `GET /logs`; `record` one log
//! * `paging` walks through more than a page; `stats` counts after random posts and deletes
//! * `deletes`, `tenants`; `texts` searches by what was said, envelopes, counts over time
//! * `posts` every path, shape and encoding that logs may be sent in; `open_routes` what needs no key

mod deletes;
mod open_routes;
mod paging;
mod posts;
mod record;
mod search;
mod stats;
mod tenants;
mod texts;

use e2e_tests::Installation;
use serde_json::Value;

/// Returns the ids of the logs in an answer, in order.
fn ids(logs: &Value) -> Vec<i64> {
    let logs = logs.as_array().unwrap_or_else(|| panic!("an array of logs, not {logs}"));
    logs.iter().map(|log| log["id"].as_i64().expect("an id is an integer")).collect()
}

/// Posts logs as one request and returns the first one's id.
async fn post(installation: &Installation, logs: &Value) -> i64 {
    let answer = installation.post_logs(logs).await;
    answer["first_id"].as_i64().expect("logs were stored")
}
