//! Searches and counts for which there is no time.

use std::time::Instant;

use async_trait::async_trait;
use domain::{Filter, LogRecord, Page, Tenant};
use store::{
    Appended, Buckets, CounterEntry, Counts, KeyedAppend, RecordOutcome, Scan, ScanPage, SearchPage,
    StoreError,
};
use tokio::sync::watch;

use super::*;

/// A store whose searches and counts find two logs, and then are out of time.
#[derive(Default)]
struct HurriedStore(MemoryLogStore);

const FOUND_IN_TIME: u32 = 2;

async fn hurried(count: i64) -> Service {
    let records: Vec<_> = (0..count).map(|n| record(&format!("log {n}")).at(n)).collect();
    let logs = HurriedStore::default();
    append(&logs, &records).await;
    service_over(Arc::new(logs))
}

#[tokio::test]
async fn a_bare_array_says_in_a_header_that_there_was_no_time_and_links_on() {
    let service = hurried(5).await;

    let mut pages = Vec::new();
    let mut next = Some("/logs?limit=4&service=auth-service".to_owned());
    while let Some(uri) = next {
        let response = get_response(&service, &uri).await;
        assert_eq!(response.status().as_u16(), 200);
        let link = response.header("link").map(str::to_owned);
        let complete = response.header("x-complete").map(str::to_owned);
        assert_eq!(response.header("x-next-cursor").is_some(), link.is_some());
        let logs: Value = response.into_body().into_json().await.unwrap();
        pages.push((messages(&logs).into_iter().map(str::to_owned).collect::<Vec<_>>(), complete));
        next = link.as_deref().map(linked);
    }

    let no = Some("false".to_owned());
    let page = |logs: &[&str], complete: &Option<String>| {
        (logs.iter().map(|log| (*log).to_owned()).collect::<Vec<_>>(), complete.clone())
    };
    let expected = [page(&["log 4", "log 3"], &no), page(&["log 2", "log 1"], &no), page(&["log 0"], &None)];
    assert_eq!(pages, expected);
}

#[tokio::test]
async fn an_envelope_says_that_there_are_at_least_so_many() {
    let service = hurried(5).await;
    let body = json!({"limit": 4}).to_string();

    let (_, listed) = get(&service, "/api/v1/logs?limit=4").await;
    let (_, recent) = get(&service, "/api/v1/logs/recent").await;
    let (_, searched) = ask_as(&service, "key-a", Method::POST, "/api/v1/logs/search", &body).await;
    let (_, explained) = get(&service, "/api/v1/query/explain").await;

    for found in [listed, recent, searched] {
        assert_eq!(messages(&found["logs"]), ["log 4", "log 3"]);
        assert_eq!((&found["total"], &found["complete"]), (&json!(2), &json!(false)), "{found}");
        assert!(found["next_cursor"].is_string());
    }
    assert_eq!((&explained["found"], &explained["complete"]), (&json!(2), &json!(false)));
}

#[tokio::test]
async fn an_offset_that_is_not_reached_in_time_is_503_for_no_cursor_could_lead_on() {
    let service = hurried(5).await;

    let (status, problem) = get(&service, "/logs?limit=2&offset=2").await;
    let (reached, found) = get(&service, "/logs?limit=2&offset=1").await;

    assert_eq!((status, &problem["code"]), (503, &json!("deadline_exceeded")));
    assert_eq!((reached, messages(&found)), (200, vec!["log 3"]));
}

#[tokio::test]
async fn the_context_of_a_log_says_that_there_may_be_more() {
    let service = hurried(9).await;

    let (_, found) = get(&service, "/logs/5/context?before=2&after=3").await;

    assert_eq!(messages(&found["before"]), ["log 2", "log 3"]);
    assert_eq!((messages(&found["after"]), &found["complete"]), (vec!["log 5", "log 6"], &json!(false)));
}

#[async_trait]
impl LogStore for HurriedStore {
    async fn search(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        deadline: Instant,
    ) -> Result<SearchPage, StoreError> {
        let skipped = match page.start {
            domain::PageStart::Offset(rows) => u32::try_from(rows).unwrap(),
            _ => 0,
        };
        let limit = page.limit.min(FOUND_IN_TIME.saturating_sub(skipped));
        let hurried = Page { limit, ..*page };
        let mut found = self.0.search(tenant, filter, &hurried, deadline).await?;
        found.complete = limit == page.limit || found.next.is_none() && limit > 0;
        Ok(found)
    }

    async fn count_by(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        buckets: Option<&Buckets>,
        deadline: Instant,
    ) -> Result<Counts, StoreError> {
        let mut counts = self.0.count_by(tenant, filter, buckets, deadline).await?;
        counts.cells.iter_mut().for_each(|cell| cell.count = 1);
        counts.complete = false;
        Ok(counts)
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.0.append(append).await
    }

    async fn append_keyed(&self, append: KeyedAppend) -> Result<Vec<RecordOutcome>, StoreError> {
        self.0.append_keyed(append).await
    }

    async fn get(&self, tenant: &Tenant, id: i64) -> Result<Option<LogRecord>, StoreError> {
        self.0.get(tenant, id).await
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        scan: &Scan,
        deadline: Instant,
    ) -> Result<ScanPage, StoreError> {
        self.0.scan(tenant, filter, scan, deadline).await
    }

    fn watch_last_id(&self) -> watch::Receiver<i64> {
        self.0.watch_last_id()
    }

    async fn counters(&self, tenant: &Tenant) -> Result<Vec<CounterEntry>, StoreError> {
        self.0.counters(tenant).await
    }

    async fn arrival_that_fits(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        max_bytes: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.0.arrival_that_fits(tenant, filter, max_bytes).await
    }

    async fn delete(&self, tenant: &Tenant, filter: &Filter, dry_run: bool) -> Result<u64, StoreError> {
        self.0.delete(tenant, filter, dry_run).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.0.check().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.0.close().await
    }
}
