//! The merger: the task, and a merge.

use std::collections::HashSet;
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::{RecordBatch, Tenant};
use sqlx::sqlite::SqliteRow;
use store::StoreError;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::plan::{Candidate, Pace, plan};
use crate::block::check_block;
use crate::blocks::{BlockParts, BlockRow, NewBlock, blocks_by_id, insert_block, read_parts, remove_block};
use crate::database::{READ_MAX, Reader, Writer, classify, column, is_fatal};
use crate::shrink::shrink_file;
use crate::verify::StartCheck;

/// No logs came in when there was no commit for so long.
const IDLE_AFTER: Duration = Duration::from_secs(2);

/// Shortest time between two looks at what could be merged while logs come in.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// While logs come in, the merger rests so many times as long as a merge took.
const REST_FACTOR: u32 = 3;

/// With so many blocks to look at the merger has fallen behind, and rests only as long as it works.
const BEHIND: usize = 1024;

/// How many blocks are looked at at once.
const LOOKED_AT: i64 = 4096;

/// Blocks with fewer records stay as quickly written ones, without a token filter: they will be merged again.
const SETTLED_FROM: usize = if cfg!(test) { 8 } else { 1024 };

/// After an error the merger waits for so long.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// Tells the merger that something was committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct MergeSignal(Arc<Commits>);

#[derive(Debug, Default)]
struct Commits {
    count: AtomicU64,
    happened: Notify,
}

impl MergeSignal {
    pub(crate) fn committed(&self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.happened.notify_one();
    }

    fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }
}

/// Merges blocks in the background.
pub(crate) struct Merger {
    signal: MergeSignal,
    writer: Arc<Writer>,
    reader: Reader,
    /// Cancelled when the store is closed: the merger then ends after the merge that it is at.
    closing: CancellationToken,
    /// Blocks that cannot be read. Whoever asks for them is told; they are left as they are.
    unreadable: HashSet<i64>,
    /// A damaged file is not written.
    start_check: StartCheck,
    /// Most bytes of memory of the records of a merged block.
    merged_max_bytes: u64,
}

/// A block that is not full, where it lies.
struct Small {
    id: i64,
    tenant: String,
    first_id: i64,
    last_id: i64,
    /// The first id of the tenant's next block.
    next_first_id: Option<i64>,
    candidate: Candidate,
}

/// A merge that is worked out and not yet done.
struct Merge {
    tenant: Tenant,
    sources: Vec<BlockRow>,
    /// The new block and its first id; `None`: no record is left.
    merged: Option<(i64, NewBlock)>,
}

impl Merger {
    pub(crate) fn new(
        signal: MergeSignal,
        writer: Arc<Writer>,
        reader: Reader,
        start_check: StartCheck,
        closing: CancellationToken,
        merged_max_bytes: usize,
    ) -> Self {
        let merged_max_bytes = merged_max_bytes as u64;
        Self { signal, writer, reader, start_check, closing, unreadable: HashSet::new(), merged_max_bytes }
    }

    /// Merges until the store is closed.
    pub(crate) async fn run(mut self) {
        while self.is_committed_within(Duration::MAX).await {
            while self.is_committed_within(IDLE_AFTER).await {
                self.merge_all(Pace::Busy).await;
                self.rest(LOOK_AGAIN_AFTER).await;
            }
            self.settle().await;
        }
    }

    /// Merges everything that is worth it when no logs come in, and makes the file smaller.
    pub(crate) async fn settle(&mut self) {
        while self.merge_all(Pace::Idle).await {}
        if self.start_check.pass().is_err() {
            return;
        }
        if let Err(error) = shrink_file(&self.writer, &self.closing).await {
            tracing::warn!(error = &error as &dyn Error, "the file could not be made smaller");
        }
    }

    /// Waits for a commit; `false`: there was none, or the store is closed.
    async fn is_committed_within(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.closing.cancelled() => false,
            committed = tokio::time::timeout(time, self.signal.0.happened.notified()) => committed.is_ok(),
        }
    }

    async fn rest(&self, time: Duration) {
        tokio::select! {
            () = self.closing.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Merges what is worth it; says whether there was anything.
    async fn merge_all(&mut self, pace: Pace) -> bool {
        match self.look_and_merge(pace).await {
            Ok(merges) => merges > 0,
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "blocks could not be merged");
                self.rest(AFTER_ERROR).await;
                false
            }
        }
    }

    async fn look_and_merge(&mut self, pace: Pace) -> Result<usize, StoreError> {
        self.start_check.pass()?;
        let mut merges = 0;
        let mut after = (String::new(), 0);
        loop {
            let small = self.small_blocks(&after).await?;
            let Some(last) = small.last() else { return Ok(merges) };
            after = (last.tenant.clone(), last.first_id);
            let is_behind = small.len() > BEHIND;
            for merge in worthwhile(&small, pace, self.merged_max_bytes) {
                if self.closing.is_cancelled() {
                    return Ok(0);
                }
                let (begun, commits) = (Instant::now(), self.signal.count());
                if self.merge_and_note(&small[merge]).await? {
                    merges += 1;
                }
                // Nobody feels a merge when no logs come in.
                if self.signal.count() != commits {
                    let factor = if is_behind { 1 } else { REST_FACTOR };
                    self.rest(begun.elapsed() * factor).await;
                }
            }
            if (small.len() as i64) < LOOKED_AT {
                return Ok(merges);
            }
        }
    }

    /// Returns blocks that are not full, behind this tenant and first id, in their order.
    async fn small_blocks(&self, after: &(String, i64)) -> Result<Vec<Small>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let query = sqlx::query(
            "SELECT id, tenant, first_id, last_id, live_count, record_count, text_bytes,
                    (SELECT min(next.first_id) FROM blocks AS next
                     WHERE next.tenant = blocks.tenant AND next.first_id > blocks.first_id) AS next_first_id
             FROM blocks INDEXED BY blocks_to_merge
             WHERE live_count < 12288 AND (tenant, first_id) > (?, ?) ORDER BY tenant, first_id LIMIT ?",
        );
        let query = query.bind(&after.0).bind(after.1).bind(LOOKED_AT);
        let rows = query.fetch_all(&mut *snapshot).await.map_err(classify)?;
        let small = rows.iter().map(small_block).collect::<Result<Vec<_>, _>>()?;
        Ok(small.into_iter().filter(|block| !self.unreadable.contains(&block.id)).collect())
    }

    /// Merges these blocks; says whether it was done. Those that cannot be read are left alone from then on.
    async fn merge_and_note(&mut self, sources: &[Small]) -> Result<bool, StoreError> {
        match self.merge(sources).await {
            Ok(is_done) => Ok(is_done),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(error = &error as &dyn Error, "blocks cannot be read, and are not merged");
                self.unreadable.extend(sources.iter().map(|block| block.id));
                Ok(false)
            }
            Err(error) if is_fatal(&error) => Err(self.writer.note(error)),
            Err(error) => Err(error),
        }
    }

    async fn merge(&self, sources: &[Small]) -> Result<bool, StoreError> {
        match self.prepare(sources).await? {
            Some(merge) => self.swap(&merge).await,
            None => Ok(false),
        }
    }

    /// Reads and encodes; `None`: other blocks are there by now.
    async fn prepare(&self, sources: &[Small]) -> Result<Option<Merge>, StoreError> {
        let (Some(first), Some(last)) = (sources.first(), sources.last()) else { return Ok(None) };
        let tenant = Tenant::parse(&first.tenant).map_err(|_| StoreError::corrupt("blocks.tenant"))?;
        let parts = self.read(&tenant, first.first_id..last.last_id + 1, sources.len()).await?;
        if !parts.iter().map(|block| block.row.id).eq(sources.iter().map(|block| block.id)) {
            return Ok(None);
        }
        let encoded = tokio::task::spawn_blocking(move || encode_merged(tenant, parts)).await;
        encoded.map_err(|panic| StoreError::Unavailable(panic.into()))?.map(Some)
    }

    /// Puts the new block in the place of its sources; `false`: one of them has changed, and nothing is done.
    async fn swap(&self, merge: &Merge) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let connection = transaction.connection();
        for source in &merge.sources {
            if !remove_block(connection, source).await? {
                return Ok(false);
            }
        }
        if let Some((first_id, block)) = &merge.merged {
            insert_block(connection, &merge.tenant, *first_id, block).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Reads the blocks that hold these ids, whole.
    async fn read(
        &self,
        tenant: &Tenant,
        ids: Range<i64>,
        count: usize,
    ) -> Result<Vec<BlockParts>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let limit = count as i64 + 1;
        let mut parts = Vec::with_capacity(count);
        for row in blocks_by_id(&mut snapshot, tenant, ids.start - 1, ids.end - 1, limit).await? {
            parts.push(read_parts(&mut snapshot, row).await?);
        }
        Ok(parts)
    }
}

fn small_block(row: &SqliteRow) -> Result<Small, StoreError> {
    const TABLE: &str = "blocks";
    let count = |name| column::<i64>(row, TABLE, name).map(i64::cast_unsigned);
    Ok(Small {
        id: column(row, TABLE, "id")?,
        tenant: column(row, TABLE, "tenant")?,
        first_id: column(row, TABLE, "first_id")?,
        last_id: column(row, TABLE, "last_id")?,
        next_first_id: column(row, TABLE, "next_first_id")?,
        candidate: Candidate {
            live_count: count("live_count")?,
            record_count: count("record_count")?,
            text_bytes: count("text_bytes")?,
        },
    })
}

/// Returns the merges that are worth it, as ranges of `small`.
fn worthwhile(small: &[Small], pace: Pace, max_bytes: u64) -> Vec<Range<usize>> {
    let lie_side_by_side = |a: &Small, b: &Small| a.tenant == b.tenant && a.next_first_id == Some(b.first_id);
    let mut merges = Vec::new();
    let mut first = 0;
    for stretch in small.chunk_by(lie_side_by_side) {
        let candidates: Vec<Candidate> = stretch.iter().map(|block| block.candidate).collect();
        let planned = plan(&candidates, pace, max_bytes).into_iter();
        merges.extend(planned.map(|merge| merge.start + first..merge.end + first));
        first += stretch.len();
    }
    merges
}

/// Makes one block of several. It is read back and compared: what cannot be read never replaces what can.
fn encode_merged(tenant: Tenant, parts: Vec<BlockParts>) -> Result<Merge, StoreError> {
    let (mut batch, mut ids) = (RecordBatch::default(), Vec::new());
    for block in &parts {
        let (records, block_ids) = block.live_records()?;
        batch.extend_from(&records);
        ids.extend(block_ids);
    }
    let sources = parts.into_iter().map(|block| block.row).collect();
    let Some(first_id) = ids.first().copied() else { return Ok(Merge { tenant, sources, merged: None }) };
    let id_offsets: Vec<u64> = ids.iter().map(|id| (id - first_id).cast_unsigned()).collect();
    let encode = if batch.len() >= SETTLED_FROM { NewBlock::settled } else { NewBlock::quick };
    let block = encode(&batch, &id_offsets);
    if block.token_slices.is_empty() {
        // A settled block was read back already.
        let read_back = check_block(&block.encoded, &batch, &id_offsets);
        read_back.map_err(|malformed| StoreError::Corrupt {
            what: "what a merge wrote".to_owned(),
            source: Some(malformed.into()),
        })?;
    }
    Ok(Merge { tenant, sources, merged: Some((first_id, block)) })
}

#[cfg(test)]
mod tests {
    use domain::{Filter, Page};
    use store::{Append, LogStore};
    use testkit::build::{batch, record, tenant};

    use super::*;
    use crate::{SqliteLogStore, StoreDirectory};

    #[tokio::test]
    async fn a_block_that_was_deleted_from_meanwhile_is_not_merged() {
        let directory = tempfile::tempdir().unwrap();
        let files = StoreDirectory::prepare(directory.path()).unwrap();
        let (store, other) =
            (SqliteLogStore::open(&files).await.unwrap(), SqliteLogStore::open(&files).await.unwrap());
        for n in 0..3 {
            let batch = batch(&[record(&format!("kept {n}")), record("doomed").service("pay")]);
            let append = Append { tenant: tenant("a"), batch, idempotency: None };
            store.append(append).await.unwrap();
        }
        let merger = store.merger();
        let small = merger.small_blocks(&(String::new(), 0)).await.unwrap();
        let merge = merger.prepare(&small).await.unwrap().expect("three blocks can be merged");

        let doomed = Filter { services: Some(["pay".to_owned()].into()), ..Filter::default() };
        assert_eq!(other.delete(&tenant("a"), &doomed, false).await.unwrap(), 3);
        let is_swapped = merger.swap(&merge).await.unwrap();
        let again = merger.small_blocks(&(String::new(), 0)).await.unwrap();
        let is_merged_then = merger.merge(&again).await.unwrap();

        let deadline = Instant::now() + Duration::from_secs(60);
        let found = other.search(&tenant("a"), &Filter::default(), &Page::default(), deadline).await.unwrap();
        assert!(!is_swapped && is_merged_then);
        assert_eq!(found.records.len(), 3);
        assert!(found.records.iter().all(|record| record.message.starts_with("kept")));
        assert_eq!(merger.small_blocks(&(String::new(), 0)).await.unwrap().len(), 1);
        assert!(merger.prepare(&again).await.unwrap().is_none(), "they are merged already");
    }
}
