//! Counting: from the counters where they say enough, else from summaries, else from the records.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use domain::{Filter, Order, Severity, Tenant, TimeRange, Timestamp};
use sqlx::SqliteConnection;
use store::{Buckets, CountCell, Counts, ReadLimits, StoreError};
use tokio::task::JoinSet;

use crate::block::CHUNK_MAX_BYTES;
use crate::blocks::{BlockRow, Chunk, OpenBlock, Walk, open_block};
use crate::counters::{self, MINUTE_MICROS, Minute, each_minute};
use crate::decoding::{cores, decode_in};
use crate::selection::{Coverage, Selection};

/// What a chunk takes while it is decoded (12 MiB).
const CHUNK_DECODING_BYTES: usize = 3 * CHUNK_MAX_BYTES;

/// Counts the records that the filter selects per bucket of their timestamps, service and severity.
pub(crate) async fn count_by(
    snapshot: &mut SqliteConnection,
    tenant: &Tenant,
    filter: &Filter,
    buckets: Option<&Buckets>,
    limits: &ReadLimits,
    deadline: Instant,
) -> Result<Counts, StoreError> {
    let mut filter = filter.clone();
    if let Some(buckets) = buckets {
        filter.timestamp.narrow(&buckets.range());
    }
    let range = filter.timestamp;
    let selection = Arc::new(Selection::new(&filter));
    let tally = Tally::new(limits.counts_max);
    let mut counting =
        Counting { tenant, selection, buckets: buckets.copied(), limits: *limits, deadline, tally };
    if range == TimeRange::default() && counting.selection.is_told_by_cells() {
        counting.count_totals(snapshot).await?;
        return Ok(counting.tally.into_counts(true));
    }
    let complete = counting.run(snapshot, range).await?;
    Ok(counting.tally.into_counts(complete))
}

/// A count that is under way.
struct Counting<'a> {
    tenant: &'a Tenant,
    selection: Arc<Selection>,
    buckets: Option<Buckets>,
    limits: ReadLimits,
    deadline: Instant,
    tally: Tally,
}

impl Counting<'_> {
    /// Counts everything that was ever stored.
    async fn count_totals(&mut self, snapshot: &mut SqliteConnection) -> Result<(), StoreError> {
        for entry in counters::read(snapshot, self.tenant).await? {
            if self.selection.selects_cell(&entry.service, entry.severity) {
                self.tally.add(0, &entry.service, entry.severity, entry.count)?;
            }
        }
        Ok(())
    }

    /// Counts whole minutes from their counters where these tell, and the rest from blocks. Returns whether everything
    /// was counted.
    async fn run(&mut self, snapshot: &mut SqliteConnection, range: TimeRange) -> Result<bool, StoreError> {
        let minutes = whole_minutes(&range);
        if !self.selection.is_told_by_cells() || !self.hold_whole_minutes() || minutes.is_empty() {
            return self.count_blocks(snapshot, range).await;
        }
        self.count_minutes(snapshot, minutes.clone()).await?;
        let start = minutes.start.saturating_mul(MINUTE_MICROS);
        let end = minutes.end.saturating_mul(MINUTE_MICROS);
        let mut complete = true;
        if range.from.is_some_and(|from| from < start) {
            complete &= self.count_blocks(snapshot, TimeRange { from: range.from, to: Some(start) }).await?;
        }
        if range.to.is_some_and(|to| to > end) {
            complete &= self.count_blocks(snapshot, TimeRange { from: Some(end), to: range.to }).await?;
        }
        Ok(complete)
    }

    /// Adds the counts of minutes, a bucket at a time: there are many minutes, and few services.
    async fn count_minutes(
        &mut self,
        snapshot: &mut SqliteConnection,
        minutes: Range<i64>,
    ) -> Result<(), StoreError> {
        let Self { tenant, selection, buckets, tally, .. } = self;
        let mut sums = BucketSums::default();
        each_minute(snapshot, tenant, selection, minutes, |minute| {
            let bucket = bucket_of(buckets.as_ref(), minute.start);
            if bucket != sums.bucket {
                sums.move_into(tally)?;
                sums.bucket = bucket;
            }
            sums.add(&minute);
            Ok(())
        })
        .await?;
        sums.move_into(tally)
    }

    /// Says whether every minute lies in one bucket.
    fn hold_whole_minutes(&self) -> bool {
        self.buckets.as_ref().is_none_or(|buckets| {
            buckets.start_micros % MINUTE_MICROS == 0 && buckets.width_micros % MINUTE_MICROS == 0
        })
    }

    fn bucket_of(&self, time: Timestamp) -> Option<usize> {
        bucket_of(self.buckets.as_ref(), time)
    }

    /// Counts the records that happened within `range`, from summaries and records. Blocks are decoded by several
    /// threads while the next ones are read. Returns whether everything was counted.
    async fn count_blocks(
        &mut self,
        snapshot: &mut SqliteConnection,
        range: TimeRange,
    ) -> Result<bool, StoreError> {
        let selection = Arc::new(self.selection.within(range));
        let parallel = self.chunks_at_once();
        let mut decoding = JoinSet::new();
        let mut walk = Walk::new(self.tenant, &selection, Order::default(), &range);
        let mut complete = true;
        while let Some((block, coverage)) = walk.next(snapshot).await? {
            if Instant::now() >= self.deadline {
                complete = false;
                break;
            }
            if coverage.is_none() || self.has_counted_by_cells(&block, &coverage)? {
                continue;
            }
            let block = open_block(snapshot, block).await?;
            for chunk in block.chunks(&selection, &coverage) {
                let chunk = chunk.read_if_unsure(snapshot, &block).await?;
                let (selection, buckets) = (Arc::clone(&selection), self.buckets);
                decode_in(&mut decoding, move || count_chunk(&chunk, &selection, buckets)).await?;
                if decoding.len() > parallel {
                    self.take(decoding.join_next().await)?;
                }
            }
        }
        while let Some(decoded) = decoding.join_next().await {
            self.take(Some(decoded))?;
        }
        Ok(complete)
    }

    /// Returns how many chunks are decoded while the next one is read: as many as there are threads and memory for.
    fn chunks_at_once(&self) -> usize {
        cores().min(self.limits.decoded_max_bytes / CHUNK_DECODING_BYTES)
    }

    /// Counts a block by its summary, if that says enough.
    fn has_counted_by_cells(&mut self, block: &BlockRow, coverage: &Coverage) -> Result<bool, StoreError> {
        let (first, last) = block.span.timestamps;
        let (Some(bucket), last_bucket) = (self.bucket_of(first), self.bucket_of(last)) else {
            return Ok(false);
        };
        if !coverage.is_known() || last_bucket != Some(bucket) {
            return Ok(false);
        }
        for place in coverage.selected_cells() {
            let cell = &block.summary.cells[place];
            self.tally.add(bucket, block.summary.service_of(cell), cell.severity, cell.count)?;
        }
        Ok(true)
    }

    fn take(&mut self, decoded: Option<Decoded>) -> Result<(), StoreError> {
        let Some(decoded) = decoded else { return Ok(()) };
        let counted = decoded.map_err(|panic| StoreError::Unavailable(panic.into()))??;
        for ((bucket, code, severity), count) in counted.counts {
            self.tally.add(bucket, &counted.services[code as usize], severity, count)?;
        }
        Ok(())
    }
}

fn bucket_of(buckets: Option<&Buckets>, time: Timestamp) -> Option<usize> {
    buckets.map_or(Some(0), |buckets| buckets.index_of(time))
}

/// What a decoding thread brings.
type Decoded = Result<Result<CountedChunk, StoreError>, tokio::task::JoinError>;

/// The counts of a chunk by bucket, service code and severity.
struct CountedChunk {
    services: Vec<String>,
    counts: HashMap<(usize, u32, Severity), u64>,
}

fn count_chunk(
    chunk: &Chunk,
    selection: &Selection,
    buckets: Option<Buckets>,
) -> Result<CountedChunk, StoreError> {
    let OpenBlock { row: block, head } = chunk.block();
    let mut counts: HashMap<(usize, u32, Severity), u64> = HashMap::new();
    for row in chunk.selected_rows(selection)? {
        if let Some(bucket) = bucket_of(buckets.as_ref(), head.timestamps[row]) {
            *counts.entry((bucket, head.service_codes[row], head.severities[row])).or_default() += 1;
        }
    }
    Ok(CountedChunk { services: block.summary.services.clone(), counts })
}

/// Counts by bucket, service and severity.
struct Tally {
    max_counts: usize,
    services: Vec<String>,
    codes: HashMap<String, usize>,
    counts: HashMap<(usize, usize, Severity), u64>,
}

impl Tally {
    fn new(max_counts: usize) -> Self {
        Self { max_counts, services: Vec::new(), codes: HashMap::new(), counts: HashMap::new() }
    }

    fn add(
        &mut self,
        bucket: usize,
        service: &str,
        severity: Severity,
        count: u64,
    ) -> Result<(), StoreError> {
        let code = self.code_of(service);
        *self.counts.entry((bucket, code, severity)).or_default() += count;
        if self.counts.len() > self.max_counts {
            return Err(StoreError::TooManyCounts { limit: self.max_counts });
        }
        Ok(())
    }

    fn code_of(&mut self, service: &str) -> usize {
        if let Some(code) = self.codes.get(service) {
            return *code;
        }
        self.services.push(service.to_owned());
        self.codes.insert(service.to_owned(), self.services.len() - 1);
        self.services.len() - 1
    }

    fn into_counts(self, complete: bool) -> Counts {
        let cell = |((bucket, code, severity), count): ((usize, usize, Severity), u64)| CountCell {
            bucket,
            service: self.services[code].clone(),
            severity,
            count,
        };
        let mut cells: Vec<CountCell> = self.counts.into_iter().map(cell).collect();
        cells.sort_unstable();
        Counts { cells, complete }
    }
}

/// The sums of the minutes of one bucket.
#[derive(Default)]
struct BucketSums {
    /// `None`: the minutes lie in no bucket.
    bucket: Option<usize>,
    /// As [`Minute::series`].
    series: Vec<(Arc<str>, Severity)>,
    sums: Vec<u64>,
}

impl BucketSums {
    fn add(&mut self, minute: &Minute<'_>) {
        let known = self.series.len();
        self.series.extend_from_slice(&minute.series[known..]);
        self.sums.resize(self.series.len(), 0);
        minute.cells.iter().for_each(|(series, count)| self.sums[*series] += count);
    }

    /// Adds the sums to the tally, and starts again at nothing.
    fn move_into(&mut self, tally: &mut Tally) -> Result<(), StoreError> {
        let bucket = self.bucket.take();
        for ((service, severity), sum) in self.series.iter().zip(&mut self.sums) {
            let sum = std::mem::take(sum);
            if let Some(bucket) = bucket.filter(|_| sum > 0) {
                tally.add(bucket, service, *severity, sum)?;
            }
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use domain::limits::COUNTS_MAX;

    use super::*;

    #[test]
    fn a_count_has_no_more_cells_than_the_limit() {
        let mut tally = Tally::new(COUNTS_MAX);
        for bucket in 0..COUNTS_MAX {
            tally.add(bucket, "a", Severity::DEFAULT, 1).unwrap();
        }
        assert!(tally.add(0, "a", Severity::DEFAULT, 1).is_ok(), "a cell that is there");

        let refused = tally.add(COUNTS_MAX, "a", Severity::DEFAULT, 1).unwrap_err();

        assert!(matches!(refused, StoreError::TooManyCounts { limit: COUNTS_MAX }), "{refused}");
    }
}
