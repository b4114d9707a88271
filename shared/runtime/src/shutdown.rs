//! When the process is asked to stop.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What a shell reports for a process that a signal ended: 128 and the signal's number.
const EXIT_SIGNAL_BASE: i32 = 128;

/// Returns a token that SIGTERM or SIGINT cancels. A second signal ends the process at once, for whoever has
/// no patience with an orderly end.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn signal_token() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        let name = next_signal(&mut terminate, &mut interrupt).await.0;
        tracing::info!(signal = name, "stopping");
        cancelled.cancel();
        let (name, number) = next_signal(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "second signal, ending at once");
        process::exit(EXIT_SIGNAL_BASE + number);
    });
    Ok(token)
}

async fn next_signal(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
        _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
    }
}
