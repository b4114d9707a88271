//! Where a tail starts.

use std::time::Instant;

use domain::{Filter, Order, Tenant};
use store::{LogStore, Scan, StoreError};

/// Where a tail starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Behind this id: what a client has seen already.
    After(i64),
    /// With the first record that the filter selects.
    Beginning,
    /// With the first record that comes from now on.
    Now,
}

impl Start {
    /// Returns where a tail starts: behind the last event that its client has seen; else, if a time is said to be the
    /// first, there; else now.
    #[must_use]
    pub fn of(last_event_id: Option<i64>, filter: &Filter) -> Self {
        let has_first_time = filter.timestamp.from.is_some() || filter.received_at.from.is_some();
        match last_event_id {
            Some(id) => Self::After(id),
            None if has_first_time => Self::Beginning,
            None => Self::Now,
        }
    }

    /// Returns the position that it stands for: records above it are sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn position(
        self,
        store: &dyn LogStore,
        tenant: &Tenant,
        deadline: Instant,
    ) -> Result<i64, StoreError> {
        match self {
            // An id that nobody has yet is of another store: of this one everything to come is meant.
            Self::After(id) => Ok(id.clamp(0, newest_id(store, tenant, deadline).await?)),
            Self::Beginning => Ok(0),
            Self::Now => newest_id(store, tenant, deadline).await,
        }
    }
}

/// Returns the id of a tenant's newest record; 0: there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn newest_id(store: &dyn LogStore, tenant: &Tenant, deadline: Instant) -> Result<i64, StoreError> {
    let mut scan = Scan { after: i64::MAX, order: Order::Descending, limit: 1, max_bytes: 1 };
    loop {
        let page = store.scan(tenant, &Filter::default(), &scan, deadline).await?;
        if let Some(newest) = page.records.first() {
            return Ok(newest.id);
        }
        if page.is_end {
            return Ok(0);
        }
        if Instant::now() >= deadline {
            return Err(StoreError::DeadlineExceeded);
        }
        scan.after = page.reached;
    }
}

#[cfg(test)]
mod tests {
    use domain::TimeRange;

    use super::*;

    #[test]
    fn a_tail_starts_behind_what_its_client_has_seen_or_at_a_first_time_or_now() {
        let (first, last) = (TimeRange { from: Some(1), to: None }, TimeRange { from: None, to: Some(1) });
        let happened = |timestamp| Filter { timestamp, ..Filter::default() };
        let received = |received_at| Filter { received_at, ..Filter::default() };

        assert_eq!(Start::of(Some(7), &happened(first)), Start::After(7));
        assert_eq!(Start::of(None, &happened(first)), Start::Beginning);
        assert_eq!(Start::of(None, &received(first)), Start::Beginning);
        assert_eq!(Start::of(None, &happened(last)), Start::Now);
        assert_eq!(Start::of(None, &Filter::default()), Start::Now);
    }
}
