//! A service's life: from its first connection to its last commit, in order.

use std::io;
use std::pin::pin;
use std::time::Duration;

use poem::IntoEndpoint;
use store::{LogStore, StoreError};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Readiness, serve};

/// How long requests that were begun may take when the service shuts down.
const DRAIN: Duration = Duration::from_secs(8);

/// Why a service ended other than by being told to.
#[derive(Debug, Error)]
pub enum LifeError {
    /// The store cannot go on; a new process finds everything that was acknowledged.
    #[error("the store cannot go on")]
    StoreFailed,
    /// The listener could not be used.
    #[error("cannot serve")]
    Listener(#[from] io::Error),
    /// The store could not be closed in order. What was acknowledged is safe.
    #[error("the store was not closed in order")]
    Close(#[from] StoreError),
}

/// Serves until `shutdown` or `store_failed` is cancelled. Then, in this order: the service is not ready any
/// more, accepts nothing more, answers what was begun, and the store commits what was queued and is closed.
///
/// # Errors
/// [`LifeError`].
pub async fn live<E>(
    listener: TcpListener,
    endpoint: E,
    readiness: Readiness,
    store: &dyn LogStore,
    store_failed: CancellationToken,
    shutdown: CancellationToken,
) -> Result<(), LifeError>
where
    E: IntoEndpoint,
    E::Endpoint: 'static,
{
    let stop = CancellationToken::new();
    let mut serving = pin!(serve(listener, endpoint, stop.clone(), DRAIN));
    tokio::select! {
        served = &mut serving => return Ok(served?),
        () = shutdown.cancelled() => {}
        () = store_failed.cancelled() => {}
    }
    readiness.switch_off();
    stop.cancel();
    serving.await?;
    if store_failed.is_cancelled() {
        return Err(LifeError::StoreFailed);
    }
    Ok(store.close().await?)
}
