//! The threads that decode what is read: they may be kept busy, and what is being stored, and whoever wants little, goes
//! first.
//!
//! Decoding takes tens of milliseconds for a part of a block, and a question may have thousands of parts. On the threads of
//! the runtime it would hold up every other request; on others of the same priority, commits. So these have a lower one, and
//! of parts as many are decoded at a time as there are cores. Who reads waits for a place in order, so that all questions
//! get on, and nothing is queued here for whom nobody waits any more.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use store::StoreError;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// By how much the priority of these threads is lower ("nice"): among busy threads they get a third as much time.
const LESS_PRIORITY: i32 = 5;

/// The threads of the process, and the places for parts that are decoded.
struct Decoding {
    threads: Runtime,
    places: Arc<Semaphore>,
}

static DECODING: LazyLock<Decoding> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("decoding").on_thread_start(|| {
        // Of this thread alone: Linux gives each a priority of its own. Refused, it decodes as quickly as the others.
        if let Ok(priority) = rustix::process::getpriority_process(None) {
            let _ = rustix::process::setpriority_process(None, priority + LESS_PRIORITY);
        }
    });
    let threads = builder.build().expect("the system gives a thread");
    Decoding { threads, places: Arc::new(Semaphore::new(cores())) }
});

/// Returns how many parts are decoded at a time.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Decodes a part, when it is its turn.
///
/// # Errors
/// [`StoreError::Unavailable`] when it panics.
pub(crate) async fn decode<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let work = in_turn(work).await?;
    DECODING
        .threads
        .handle()
        .spawn_blocking(work)
        .await
        .map_err(|panic| StoreError::Unavailable(panic.into()))
}

/// As [`decode`], as one of many: waits for its turn only, and not for what comes of it.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub(crate) async fn decode_in<T: Send + 'static>(
    set: &mut JoinSet<T>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(), StoreError> {
    set.spawn_blocking_on(in_turn(work).await?, DECODING.threads.handle());
    Ok(())
}

/// Does what reads and decodes in turns on one of these threads. When nobody waits for it any more, it ends at its next wait.
///
/// # Errors
/// Its own, and [`StoreError::Unavailable`] when it panics.
pub(crate) async fn busily<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let (left, runtime) = (CancellationToken::new(), Handle::current());
    let _leaves_with_this = left.clone().drop_guard();
    let work = move || runtime.block_on(left.run_until_cancelled(work));
    let done = DECODING.threads.handle().spawn_blocking(work).await;
    done.map_err(|panic| StoreError::Unavailable(panic.into()))?.unwrap_or(Err(StoreError::Closed))
}

/// Waits until it is the work's turn; returns the work, which has its place until it is done.
async fn in_turn<T>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<impl FnOnce() -> T + Send + 'static, StoreError> {
    let place = Arc::clone(&DECODING.places).acquire_owned().await;
    let place = place.map_err(|closed| StoreError::Unavailable(closed.into()))?;
    Ok(move || {
        let decoded = work();
        drop(place);
        decoded
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn priority() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn what_decodes_has_less_priority_than_what_asks_for_it() {
        let own = priority();
        assert_eq!(decode(priority).await.unwrap(), own + LESS_PRIORITY);
        assert_eq!(busily(async { Ok(priority()) }).await.unwrap(), own + LESS_PRIORITY);
        assert_eq!(priority(), own);
    }

    #[tokio::test]
    async fn no_more_parts_are_decoded_at_a_time_than_there_are_cores() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut set = JoinSet::new();
        for _ in 0..4 * cores() {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            let work = move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(5));
                now.fetch_sub(1, Ordering::SeqCst);
            };
            decode_in(&mut set, work).await.unwrap();
        }
        set.join_all().await;
        assert!((1..=cores()).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    }

    #[tokio::test]
    async fn what_panics_is_an_error_and_its_place_is_free_again() {
        for _ in 0..2 * cores() {
            let failed = decode(|| panic!("on purpose")).await;
            assert!(matches!(failed, Err(StoreError::Unavailable(_))));
        }
        assert_eq!(decode(|| 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends_at_its_next_wait() {
        let (started, ended) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let work = {
            let (started, guard) = (Arc::clone(&started), ended.clone().drop_guard());
            async move {
                let _guard = guard;
                started.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<Result<(), StoreError>>().await
            }
        };
        let waiting = tokio::spawn(busily(work));
        while started.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        ended.cancelled().await;
    }
}
