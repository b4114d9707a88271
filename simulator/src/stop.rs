//! Stopping in two steps: first no new requests, a few seconds later no more tries either.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long a request in flight may go on being tried after the shutdown was requested.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// The two steps of a shutdown, as the services see them.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// Start nothing new.
    pub(crate) soft: CancellationToken,
    /// Give up what is under way.
    pub(crate) hard: CancellationToken,
}

impl Stop {
    /// Derives both steps from the caller's token. Cancelling them here does not cancel the caller's.
    pub(crate) fn after(shutdown: &CancellationToken) -> Self {
        Self { soft: shutdown.child_token(), hard: CancellationToken::new() }
    }

    /// Takes the second step [`GRACE`] after the first. Never ends before.
    pub(crate) async fn escalate(self) {
        self.soft.cancelled().await;
        tokio::time::sleep(GRACE).await;
        self.hard.cancel();
    }
}
