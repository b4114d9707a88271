//! Walks through pages, while logs arrive and are deleted between the pages.

use std::collections::BTreeSet;

use domain::Order;
use proptest::prelude::*;

use super::*;

/// What happens between two pages.
#[derive(Debug, Clone)]
enum Change {
    /// A log arrives that happened so many seconds after noon.
    Arrives(i64),
    /// The logs of this second are deleted.
    Deleted(i64),
}

/// A walk: what there is at its start, how it asks, how long its pages are, and what happens behind each of them.
#[derive(Debug, Clone)]
struct Walk {
    seconds: Vec<i64>,
    order: Order,
    route: Route,
    pages: Vec<(usize, Vec<Change>)>,
}

/// How the pages are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    /// `GET /logs`, along its links.
    Links,
    /// `GET /logs` with `skip`, and along its links from there.
    SkippedOnce,
    /// `GET /api/v1/logs` with the cursors of its envelopes and a limit of its own for each page.
    Cursors,
    /// `GET /api/v1/logs` with `page_size`, then with cursors.
    PageThenCursors,
    /// `POST /api/v1/logs/search`.
    Bodies,
}

/// Few seconds, so that many logs happened at one time.
const SECONDS: std::ops::Range<i64> = 0..8;

/// More pages than the longest walk has: its logs, those that arrive, and an end.
const PAGES_MAX: usize = 100;

fn walks() -> impl Strategy<Value = Walk> {
    let change = prop_oneof![SECONDS.prop_map(Change::Arrives), SECONDS.prop_map(Change::Deleted)];
    let page = (1..7_usize, prop::collection::vec(change, 0..4));
    let routes =
        vec![Route::Links, Route::SkippedOnce, Route::Cursors, Route::PageThenCursors, Route::Bodies];
    let orders = vec![Order::Descending, Order::Ascending];
    (
        prop::collection::vec(SECONDS, 1..40),
        prop::sample::select(orders),
        prop::sample::select(routes),
        prop::collection::vec(page, 1..6),
    )
        .prop_map(|(seconds, order, route, pages)| Walk { seconds, order, route, pages })
}

fn at(second: i64) -> RecordBuilder {
    record("m").at(second)
}

/// Asks for a page; returns its ids, and where the next one is: a link or a cursor.
async fn page(
    service: &Service,
    walk: &Walk,
    limit: usize,
    next: Option<&str>,
) -> (Vec<i64>, Option<String>) {
    let order = if walk.order == Order::Ascending { "asc" } else { "desc" };
    let envelope = match (walk.route, next) {
        (Route::Links | Route::SkippedOnce, next) => {
            let skip = if walk.route == Route::SkippedOnce { "&skip=0" } else { "" };
            let first = format!("/logs?order={order}&from=now-1h&limit={limit}{skip}");
            let response = get_response(service, next.unwrap_or(&first)).await;
            let link = response.header("link").map(linked);
            let logs: Value = response.into_body().into_json().await.unwrap();
            return (ids(&logs), link);
        }
        (Route::PageThenCursors, None) => {
            get(service, &format!("/api/v1/logs?order={order}&page=1&page_size={limit}")).await.1
        }
        (Route::Cursors | Route::PageThenCursors, next) => {
            let cursor = next.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            get(service, &format!("/api/v1/logs?order={order}&limit={limit}{cursor}")).await.1
        }
        // A body names no order: newest first.
        (Route::Bodies, next) => {
            let body = json!({"limit": limit, "cursor": next}).to_string();
            ask_as(service, "key-a", Method::POST, "/api/v1/logs/search", &body).await.1
        }
    };
    (ids(&envelope["logs"]), envelope["next_cursor"].as_str().map(str::to_owned))
}

fn ids(logs: &Value) -> Vec<i64> {
    let logs = logs.as_array().unwrap_or_else(|| panic!("logs, not {logs}"));
    logs.iter().map(|log| log["id"].as_i64().unwrap()).collect()
}

async fn check(walk: Walk) -> Result<(), TestCaseError> {
    let logs = Arc::new(MemoryLogStore::default());
    let service = service_over(Arc::clone(&logs) as Arc<dyn LogStore>);
    let first: Vec<_> = walk.seconds.iter().map(|second| at(*second)).collect();
    append(&*logs, &first).await;
    // From the first page to the last one.
    let mut survivors: Vec<(i64, i64)> = walk.seconds.iter().copied().zip(1..).collect();

    let mut seen = Vec::new();
    let mut next = None;
    for turn in 0_usize.. {
        prop_assert!(turn < PAGES_MAX, "the walk comes to no end");
        let (limit, changes) = &walk.pages[turn % walk.pages.len()];
        let (found, behind) = page(&service, &walk, *limit, next.as_deref()).await;
        prop_assert!(found.len() <= *limit || walk.route == Route::Links || walk.route == Route::SkippedOnce);
        seen.extend(found);
        next = behind;
        if next.is_none() {
            break;
        }
        // Later rounds change nothing, so that the walk comes to an end.
        for change in changes.iter().filter(|_| turn < walk.pages.len()) {
            match change {
                Change::Arrives(second) => drop(append(&*logs, &[at(*second)]).await),
                Change::Deleted(second) => {
                    let one = format!("/logs?q=timestamp:%22{}%22", at(*second).as_record_ref().timestamp);
                    let (status, _) = ask_as(&service, "key-a", Method::DELETE, &one, "").await;
                    prop_assert_eq!(status, 200);
                    survivors.retain(|(survivor, _)| survivor != second);
                }
            }
        }
    }

    let once: BTreeSet<i64> = seen.iter().copied().collect();
    prop_assert_eq!(once.len(), seen.len(), "nothing is seen twice");
    let missed: Vec<_> = survivors.iter().filter(|(_, id)| !once.contains(id)).collect();
    prop_assert!(missed.is_empty(), "missed {:?}", missed);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_sees_every_log_that_survives_it_exactly_once(walk in walks()) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(check(walk))?;
    }
}
