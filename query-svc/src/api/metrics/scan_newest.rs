//! Looks at the newest records that a filter selects, within bounds, without holding a thread that answers others.

use std::time::Instant;

use domain::limits::PAGE_MAX_BYTES;
use domain::{Filter, LogRecord, Order, Tenant};
use sentinel_http::Problem;
use store::Scan;

use crate::turn::Turns;

/// Most records that are taken from the store at once, and looked at in one go: about as many as an engine decodes at
/// once.
const SCAN_PAGE_RECORDS: usize = 8192;

/// How far a scan goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanBounds {
    /// Most records to look at.
    pub(super) max_records: usize,
    /// When it has to be done.
    pub(super) deadline: Instant,
}

/// What a scan came to.
#[derive(Debug)]
pub(super) struct Scanned<T> {
    /// What was gathered.
    pub(super) gathered: T,
    /// How many records were looked at.
    pub(super) records: usize,
    /// Whether these are all that the filter selects.
    pub(super) complete: bool,
}

/// Shows the records that `filter` selects to `look`, newest first in the order of their commits, up to the bounds.
/// `look` may be slow: it runs where slow work does.
///
/// # Errors
/// What the store meets.
pub(super) async fn scan_newest<T: Send + 'static>(
    turns: &Turns,
    tenant: &Tenant,
    filter: &Filter,
    bounds: ScanBounds,
    mut gathered: T,
    look: fn(&mut T, &LogRecord),
) -> Result<Scanned<T>, Problem> {
    let turn = turns.take(tenant, bounds.deadline, 1).await?;
    let mut records = 0;
    let mut after = i64::MAX;
    while records < bounds.max_records && Instant::now() < bounds.deadline {
        let limit = SCAN_PAGE_RECORDS.min(bounds.max_records - records);
        let scan = Scan { after, order: Order::Descending, limit, max_bytes: PAGE_MAX_BYTES };
        let page = turn.store.scan(tenant, filter, &scan, bounds.deadline).await?;
        let (is_end, is_stuck) = (page.is_end, page.reached >= after);
        after = page.reached;
        records += page.records.len();
        if !page.records.is_empty() {
            gathered = off_thread(move || {
                page.records.iter().for_each(|record| look(&mut gathered, record));
                gathered
            })
            .await?;
        }
        if is_end {
            return Ok(Scanned { gathered, records, complete: true });
        }
        // The deadline came before the store could look at anything.
        if is_stuck {
            break;
        }
    }
    Ok(Scanned { gathered, records, complete: false })
}

/// Does slow work where it holds nobody up.
pub(super) async fn off_thread<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::sync::Arc;

    use store::{Append, LogStore, MemoryLogStore};
    use testkit::build::{batch, record, tenant};

    use super::*;
    use crate::fair_store::FairLogStore;
    use crate::memory::MemoryBudget;

    async fn scanned(stored: usize, service: &str, max_records: usize, lasts: Duration) -> Scanned<Vec<i64>> {
        let store = MemoryLogStore::default();
        // Later records happened earlier: newest is what was committed last.
        let records = (0..stored as i64).map(|n| record("m").at(-n)).chain([record("m").service("other")]);
        let records: Vec<_> = records.collect();
        let append = Append { tenant: tenant("a"), batch: batch(&records), idempotency: None };
        store.append(append).await.unwrap();
        let filter = Filter { services: Some([service.to_owned()].into()), ..Filter::default() };
        let bounds = ScanBounds { max_records, deadline: Instant::now() + lasts };
        let turns =
            Turns::new(Arc::new(FairLogStore::new(Arc::new(store), 1, 0)), MemoryBudget::new(None), 0);
        let push = |ids: &mut Vec<i64>, record: &LogRecord| ids.push(record.id);
        scan_newest(&turns, &tenant("a"), &filter, bounds, Vec::new(), push).await.unwrap()
    }

    #[tokio::test]
    async fn every_selected_record_is_shown_once_newest_first() {
        let minute = Duration::from_secs(60);
        for stored in [1, SCAN_PAGE_RECORDS, 2 * SCAN_PAGE_RECORDS + 1] {
            let all = scanned(stored, "auth-service", 3 * SCAN_PAGE_RECORDS, minute).await;
            let expected: Vec<i64> = (1..=stored as i64).rev().collect();
            assert_eq!((all.gathered, all.records, all.complete), (expected, stored, true));
        }
        let none = scanned(3, "nobody", 10, minute).await;
        assert_eq!((none.records, none.complete), (0, true));
    }

    #[tokio::test]
    async fn a_scan_ends_at_its_bounds_and_says_so() {
        let minute = Duration::from_secs(60);
        let newest = scanned(SCAN_PAGE_RECORDS + 9, "auth-service", SCAN_PAGE_RECORDS + 2, minute).await;
        assert_eq!((newest.records, newest.complete), (SCAN_PAGE_RECORDS + 2, false));
        assert_eq!(newest.gathered.last(), Some(&8));

        let too_late = scanned(3, "auth-service", 10, Duration::ZERO).await;
        assert_eq!((too_late.gathered, too_late.records, too_late.complete), (vec![], 0, false));
    }
}
