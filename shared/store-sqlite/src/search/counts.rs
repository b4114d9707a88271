//! Counting: from the counters where they say enough, else from summaries, else from the records.

use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use domain::{Filter, Order, Tenant, TimeRange, Timestamp};
use sqlx::SqliteConnection;
use store::{Buckets, StoreError};
use tokio::task::JoinSet;

use crate::blocks::{BlockParts, Coverage, Walk, read_parts};
use crate::counters::{self, MINUTE_MICROS, read_minutes};

/// Counts the records that the filter selects.
pub(crate) async fn count(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    filter: &Filter,
    deadline: Instant,
) -> Result<u64, StoreError> {
    if is_told_by_counters(filter) && filter.timestamp == TimeRange::default() {
        let entries = counters::read(snapshot, tenant).await?;
        let selected = entries.iter().filter(|entry| {
            filter.severities.contains(entry.severity) && filter.selects_service(&entry.service)
        });
        return Ok(selected.map(|entry| entry.count).sum());
    }
    let mut counting = Counting::new(tenant, filter, Slots::One, deadline);
    counting.run(snapshot).await?;
    Ok(counting.counts[0])
}

/// Counts the records that the filter selects per bucket of their timestamps.
pub(crate) async fn histogram(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    filter: &Filter,
    buckets: &Buckets,
    deadline: Instant,
) -> Result<Vec<u64>, StoreError> {
    let mut filter = filter.clone();
    let TimeRange { from, to } = buckets.range();
    from.into_iter().for_each(|from| filter.timestamp.start_at(from));
    to.into_iter().for_each(|to| filter.timestamp.end_before(to));
    let mut counting = Counting::new(tenant, &filter, Slots::Buckets(*buckets), deadline);
    counting.run(snapshot).await?;
    Ok(counting.counts)
}

/// Says whether the counters know all that the filter asks for but for its timestamps.
fn is_told_by_counters(filter: &Filter) -> bool {
    filter.texts.is_empty() && filter.received_at == TimeRange::default()
}

/// What is counted separately.
#[derive(Debug, Clone, Copy)]
enum Slots {
    One,
    Buckets(Buckets),
}

impl Slots {
    fn len(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Buckets(buckets) => buckets.count,
        }
    }

    fn index_of(&self, time: Timestamp) -> Option<usize> {
        match self {
            Self::One => Some(0),
            Self::Buckets(buckets) => buckets.index_of(time),
        }
    }

    /// Says whether every minute lies in one slot.
    fn hold_whole_minutes(&self) -> bool {
        match self {
            Self::One => true,
            Self::Buckets(buckets) => {
                buckets.start_micros % MINUTE_MICROS == 0 && buckets.width_micros % MINUTE_MICROS == 0
            }
        }
    }
}

/// A count that is under way.
struct Counting<'a> {
    tenant: &'a Tenant,
    filter: &'a Filter,
    slots: Slots,
    deadline: Instant,
    counts: Vec<u64>,
}

impl<'a> Counting<'a> {
    fn new(tenant: &'a Tenant, filter: &'a Filter, slots: Slots, deadline: Instant) -> Self {
        Self { tenant, filter, slots, deadline, counts: vec![0; slots.len()] }
    }

    /// Counts whole minutes from their counters where these tell, and the rest from blocks.
    async fn run(&mut self, snapshot: &mut SqliteConnection) -> Result<(), StoreError> {
        let range = self.filter.timestamp;
        let minutes = whole_minutes(&range);
        if !is_told_by_counters(self.filter) || !self.slots.hold_whole_minutes() || minutes.is_empty() {
            return self.count_blocks(snapshot, range).await;
        }
        for minute in read_minutes(snapshot, self.tenant, self.filter, minutes.clone()).await? {
            self.add(minute.start, minute.count);
        }
        let start = minutes.start.saturating_mul(MINUTE_MICROS);
        let end = minutes.end.saturating_mul(MINUTE_MICROS);
        if range.from.is_some_and(|from| from < start) {
            self.count_blocks(snapshot, TimeRange { from: range.from, to: Some(start) }).await?;
        }
        if range.to.is_some_and(|to| to > end) {
            self.count_blocks(snapshot, TimeRange { from: Some(end), to: range.to }).await?;
        }
        Ok(())
    }

    /// Counts the records that happened within `range`, from summaries and records. Blocks are decoded by several
    /// threads while the next ones are read.
    async fn count_blocks(
        &mut self,
        snapshot: &mut SqliteConnection,
        range: TimeRange,
    ) -> Result<(), StoreError> {
        let filter = Arc::new(Filter { timestamp: range, ..self.filter.clone() });
        let parallel = available_parallelism().map_or(1, NonZero::get);
        let mut decoding = JoinSet::new();
        let mut walk = Walk::new(self.tenant, &filter, Order::default(), &range);
        while let Some(block) = walk.next(snapshot).await? {
            if Instant::now() >= self.deadline {
                return Err(StoreError::DeadlineExceeded);
            }
            match block.coverage(&filter) {
                Coverage::None => continue,
                Coverage::ByCells if matches!(self.slots, Slots::One) => {
                    self.counts[0] += block.summary.selected(&filter).map(|cell| cell.count).sum::<u64>();
                    continue;
                }
                Coverage::ByCells | Coverage::Some => {}
            }
            let parts = read_parts(snapshot, block, !filter.texts.is_empty()).await?;
            let filter = Arc::clone(&filter);
            decoding.spawn_blocking(move || selected_times(&parts, &filter));
            if decoding.len() > parallel {
                self.take(decoding.join_next().await)?;
            }
        }
        while let Some(decoded) = decoding.join_next().await {
            self.take(Some(decoded))?;
        }
        Ok(())
    }

    fn take(&mut self, decoded: Option<Decoded>) -> Result<(), StoreError> {
        let Some(decoded) = decoded else { return Ok(()) };
        let times = decoded.map_err(|panic| StoreError::Unavailable(panic.into()))??;
        times.into_iter().for_each(|time| self.add(time, 1));
        Ok(())
    }

    fn add(&mut self, time: Timestamp, count: u64) {
        if let Some(slot) = self.slots.index_of(time) {
            self.counts[slot] += count;
        }
    }
}

/// What a decoding thread brings: the times of the selected records.
type Decoded = Result<Result<Vec<Timestamp>, StoreError>, tokio::task::JoinError>;

fn selected_times(parts: &BlockParts, filter: &Filter) -> Result<Vec<Timestamp>, StoreError> {
    let head = parts.head()?;
    let rows = parts.selected_rows(&head, filter)?;
    Ok(rows.into_iter().map(|row| head.timestamps[row]).collect())
}

/// Returns the minutes that lie in a range as a whole; none where they are not worth the question.
fn whole_minutes(range: &TimeRange) -> Range<i64> {
    let first = range.from.map_or(i64::MIN / MINUTE_MICROS, ceil_minute);
    let end = range.to.map_or(i64::MAX / MINUTE_MICROS, |to| to.div_euclid(MINUTE_MICROS));
    first..end.max(first)
}

fn ceil_minute(micros: i64) -> i64 {
    micros.div_euclid(MINUTE_MICROS) + i64::from(micros.rem_euclid(MINUTE_MICROS) > 0)
}
