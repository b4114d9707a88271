//! Exports over the reference store: complete, bounded, or visibly broken.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{Filter, Severity, SeveritySet};
use futures_util::{Stream, StreamExt, TryStreamExt};
use testkit::build::{record, tenant};
use testkit::{RecordBuilder, wait_until};

use super::exports::{EXPORTS_MAX, ExportLimits, ExportOptions};
use super::format::REPORT;
use super::{Encoding, Export, Exports, Format};
use crate::test_store::TestStore;

/// Long enough for any machine; what takes longer does not happen.
const PLENTY: Duration = Duration::from_secs(60);

const CSV: Format = Format::Csv(REPORT);

fn limits(tenant_max_exports: usize, timeout: Duration) -> ExportLimits {
    ExportLimits { tenant_max_exports, timeout, ..ExportLimits::within(ExportOptions::default(), None) }
}

#[test]
fn exports_share_the_memory_that_there_is_for_them() {
    const MIB: usize = 1024 * 1024;
    let within = |bytes| {
        let limits = ExportLimits::within(ExportOptions::default(), bytes);
        (limits.max_exports, limits.page_max_bytes)
    };
    assert_eq!(within(None), (EXPORTS_MAX, domain::limits::PAGE_MAX_BYTES));
    assert_eq!(within(Some(8 * MIB)), (2, 4 * MIB / 5));
    assert_eq!(within(Some(MIB)), (1, MIB / 5));
}

fn exports() -> Exports {
    Exports::new(limits(EXPORTS_MAX, PLENTY))
}

fn records(count: usize) -> Vec<RecordBuilder> {
    (0..count).map(|n| record(&format!("log {n}"))).collect()
}

fn export(store: &Arc<TestStore>, filter: Filter, until: i64) -> Export {
    Export {
        store: store.clone(),
        tenant: tenant("a"),
        filter,
        until,
        format: CSV,
        encoding: Encoding::Identity,
        page_records: 10,
    }
}

async fn whole(file: impl Stream<Item = io::Result<Bytes>>) -> io::Result<String> {
    let pieces: Vec<Bytes> = file.try_collect().await?;
    Ok(String::from_utf8(pieces.concat()).unwrap())
}

/// Returns the ids of a file's records.
fn ids(file: &str) -> Vec<i64> {
    file.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn an_export_has_all_that_is_selected_up_to_its_last_id_in_order() {
    let (store, exports) = (Arc::new(TestStore::default()), exports());
    store.answer_in_pages_of(3);
    let mut expected = Vec::new();
    for _ in 0..40 {
        store.add("b", &records(2)).await;
        expected.push(store.add("a", &[record("no error"), record("an error").severity("error")]).await);
    }
    let until = expected[28];
    let severities = SeveritySet::band_of(Severity::parse("error").unwrap());
    let filter = Filter { severities, ..Filter::default() };

    let file = export(&store, filter, until).into_stream(exports.take_place(&tenant("a")).unwrap()).unwrap();

    assert_eq!(ids(&whole(file).await.unwrap()), expected[..29]);
}

#[tokio::test]
async fn an_export_ends_while_logs_come_in() {
    let (store, exports) = (Arc::new(TestStore::default()), exports());
    let until = store.add("a", &records(47)).await;
    let file = export(&store, Filter::default(), until)
        .into_stream(exports.take_place(&tenant("a")).unwrap())
        .unwrap();
    let mut file = Box::pin(file);
    let mut pieces = Vec::new();
    while let Some(piece) = file.next().await {
        pieces.push(piece.unwrap());
        store.add("a", &records(50)).await;
    }
    assert_eq!(ids(std::str::from_utf8(&pieces.concat()).unwrap()), (1..=47).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_export_of_nothing_is_a_file_without_records() {
    let (store, exports) = (Arc::new(TestStore::default()), exports());
    let file =
        export(&store, Filter::default(), 0).into_stream(exports.take_place(&tenant("a")).unwrap()).unwrap();
    assert_eq!(whole(file).await.unwrap(), "id,timestamp,level,message\r\n");
}

#[tokio::test]
async fn an_export_that_cannot_go_on_ends_with_an_error() {
    let (store, exports) = (Arc::new(TestStore::default()), exports());
    let until = store.add("a", &records(1000)).await;
    for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
        let export = Export { encoding, ..export(&store, Filter::default(), until) };
        let mut file = Box::pin(export.into_stream(exports.take_place(&tenant("a")).unwrap()).unwrap());
        if encoding == Encoding::Identity {
            assert!(file.next().await.unwrap().is_ok());
        }
        store.fail(true);
        assert!(whole(file).await.is_err(), "{encoding:?}");
        store.fail(false);
    }
}

#[tokio::test]
async fn an_export_reads_no_further_than_a_page_ahead_of_its_client() {
    let (store, exports) = (Arc::new(TestStore::default()), exports());
    let until = store.add("a", &records(1000)).await;
    let file = export(&store, Filter::default(), until)
        .into_stream(exports.take_place(&tenant("a")).unwrap())
        .unwrap();
    let mut file = Box::pin(file);
    let mut pieces = 0;
    while let Some(piece) = file.next().await {
        piece.unwrap();
        pieces += 1;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        // The client has the head and some pages; one waits for it, one is written, one is read.
        assert!(store.scans() <= pieces + 3, "{} scans for {pieces} pieces", store.scans());
    }
    assert_eq!(pieces, 1 + 100);
}

#[tokio::test]
async fn an_export_whose_client_is_gone_gives_its_place_back() {
    let (store, exports) = (Arc::new(TestStore::default()), exports());
    let until = store.add("a", &records(1000)).await;
    let places: Vec<_> = std::iter::from_fn(|| exports.take_place(&tenant("a")).ok()).collect();
    assert_eq!(places.len(), EXPORTS_MAX);
    let mut files = Vec::new();
    for place in places {
        let mut file = Box::pin(export(&store, Filter::default(), until).into_stream(place).unwrap());
        assert!(file.next().await.unwrap().is_ok());
        files.push(file);
    }
    assert_eq!(exports.places_left(), 0);

    drop(files);

    wait_until("the places are free", PLENTY, async || (exports.places_left() == EXPORTS_MAX).then_some(()))
        .await;
}

#[tokio::test]
async fn an_export_whose_client_does_not_read_breaks_off_and_gives_its_place_back() {
    let store = Arc::new(TestStore::default());
    let exports = Exports::new(limits(1, Duration::from_millis(1)));
    let until = store.add("a", &records(1000)).await;
    let place = exports.take_place(&tenant("a")).unwrap();
    let file = export(&store, Filter::default(), until).into_stream(place).unwrap();
    let mut file = Box::pin(file);
    file.next().await.unwrap().unwrap();

    wait_until("the place is free", PLENTY, async || exports.take_place(&tenant("a")).ok()).await;

    assert!(whole(file).await.is_err(), "it is not the whole file");
}

#[tokio::test]
async fn a_large_page_is_handed_over_in_pieces() {
    let (store, exports) = (Arc::new(TestStore::default()), exports());
    let until = store.add("a", &[record(&"x".repeat(3_000_000))]).await;
    let file =
        export(&store, Filter::default(), until).into_stream(exports.take_place(&tenant("a")).unwrap());

    let pieces: Vec<Bytes> = file.unwrap().try_collect().await.unwrap();

    assert!(pieces.iter().all(|piece| piece.len() <= 1024 * 1024));
    assert!(pieces.concat().len() > 3_000_000);
}
