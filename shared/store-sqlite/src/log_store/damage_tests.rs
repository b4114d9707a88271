//! Pages of the file that are damaged while it is closed: no wrong record is ever served.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use domain::LogRecord;
use store::StoreError;
use tempfile::TempDir;
use testkit::build::{batch, record, tenant};
use testkit::wait_until;

use super::*;

const PAGE_BYTES: usize = 4096;

/// How many files are damaged, one page each.
const SEEDS: u64 = 40;

/// A small generator (splitmix64), so that a seed is a damage.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as usize % end
    }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn open(path: &Path) -> Result<SqliteLogStore, OpenError> {
    SqliteLogStore::open(&StoreDirectory::prepare(path)?).await
}

/// Makes a closed file of several hundred pages; returns what it holds.
async fn new_file() -> (Vec<u8>, BTreeMap<i64, LogRecord>) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    for block in 0..60 {
        let mut random = Random(block);
        let text = |n: i64, random: &mut Random| {
            format!("{n} {}", (0..20).map(|_| format!("{:x} ", random.below(1 << 30))).collect::<String>())
        };
        let records: Vec<_> = (0..100).map(|n| record(&text(n, &mut random)).at(n)).collect();
        let append = Append { tenant: tenant("a"), batch: batch(&records), idempotency: None };
        store.append(append).await.unwrap();
    }
    let mut truth = BTreeMap::new();
    for record in walk(&store).await.unwrap() {
        truth.insert(record.id, record);
    }
    assert_eq!(truth.len(), 6000);
    store.close().await.unwrap();
    (fs::read(directory.path().join("logs.db")).unwrap(), truth)
}

/// Reads everything, page by page.
async fn walk(store: &SqliteLogStore) -> Result<Vec<LogRecord>, StoreError> {
    let mut page = Page { limit: 1000, ..Page::default() };
    let mut records = Vec::new();
    loop {
        let found = store.search(&tenant("a"), &Filter::default(), &page, deadline()).await?;
        records.extend(found.records);
        let Some(next) = found.next else { return Ok(records) };
        page.start = domain::PageStart::After(next);
    }
}

fn damage(file: &mut [u8], seed: u64) -> usize {
    let mut random = Random(seed);
    let pages = file.len() / PAGE_BYTES;
    // Every second time one of the first pages: tables and indices have their roots there.
    let page = random.below(if seed.is_multiple_of(2) { pages } else { pages / 12 });
    for _ in 0..16 {
        file[page * PAGE_BYTES + random.below(PAGE_BYTES)] ^= 1 << random.below(8);
    }
    page + 1
}

#[tokio::test]
async fn a_damaged_page_is_an_error_or_harms_no_record() {
    let (sound, truth) = new_file().await;
    let (mut refused, mut alarmed, mut failed, mut harmless) = (0, 0, 0, 0);
    for seed in 0..SEEDS {
        let directory: TempDir = tempfile::tempdir().unwrap();
        let mut file = sound.clone();
        let page = damage(&mut file, seed);
        fs::write(directory.path().join("logs.db"), file).unwrap();
        let Ok(store) = open(directory.path()).await else {
            refused += 1;
            continue;
        };
        let over = || async { store.start_check.is_over().then_some(()) };
        wait_until("the check", Duration::from_secs(60), over).await;
        let alarm = store.check().await;

        let walked = walk(&store).await;
        let mut errors = u32::from(walked.is_err());
        let mut seen = 0;
        for record in walked.unwrap_or_default() {
            assert_eq!(Some(&record), truth.get(&record.id), "seed {seed}, page {page}: a wrong record");
            seen += 1;
        }
        for (id, expected) in truth.iter().step_by(37) {
            match store.get(&tenant("a"), *id).await {
                Ok(Some(found)) => assert_eq!(&found, expected, "seed {seed}, page {page}: a wrong record"),
                Ok(None) => assert!(alarm.is_err(), "seed {seed}, page {page}: {id} is missing, silently"),
                Err(_) => errors += 1,
            }
        }
        let is_silent = errors == 0 && alarm.is_ok();
        assert!(!is_silent || seen == truth.len(), "seed {seed}, page {page}: {seen} records, silently");
        if alarm.is_err() {
            let append = Append { tenant: tenant("a"), batch: batch(&[record("x")]), idempotency: None };
            let written = store.append(append).await;
            assert!(matches!(written, Err(StoreError::Corrupt { .. })), "seed {seed}: {written:?}");
        }
        alarmed += u32::from(alarm.is_err());
        failed += u32::from(alarm.is_ok() && errors > 0);
        harmless += u32::from(is_silent);
    }
    println!(
        "of {SEEDS} damaged pages: {refused} files refused, {alarmed} found by the check at the start, \
         {failed} found by the checksum of what was read, {harmless} harmed nothing"
    );
    assert!(alarmed > 0 && failed > 0);
}
