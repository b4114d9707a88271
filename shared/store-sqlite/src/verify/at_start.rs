//! The check when a store opens: in the background, and not for ever.
//!
//! A file whose pages or indices are damaged is not written any more: every write could spread the damage, and a reader
//! may miss rows that an index does not lead to. What can be read is still read, each row and chunk with its own checksum.
//! The process goes on, so that people can look at what is there; readiness says that something is wrong. Where only
//! rows disagree with each other, that is said and no more: a row that is damaged is an error to whoever reads it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{VerifyReport, check_file, check_rows};
use crate::database::Reader;

/// How long the check may take; what it has not looked at by then, `verify` does.
const CHECK_MAX: Duration = Duration::from_secs(60);

/// Most problems that are said one by one.
const SAID_MAX: usize = 20;

/// How the check at the start ended; empty while it runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartCheck(Arc<OnceLock<Outcome>>);

#[derive(Debug)]
enum Outcome {
    Sound,
    NotFinished,
    /// The file is damaged: what was found first.
    Damaged(String),
}

impl StartCheck {
    /// Checks the file until it is done, its time is over, or the store is closed.
    pub(crate) async fn run(self, reader: Reader, closing: CancellationToken) {
        let checked = tokio::select! {
            checked = check(&reader) => checked,
            () = closing.cancelled() => Err(StoreError::Closed),
        };
        reader.close().await;
        let outcome = match checked {
            Ok(outcome) => outcome,
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::info!(error = cause, "the check of the logs' file did not finish");
                Outcome::NotFinished
            }
        };
        // Only this task sets it.
        let _ = self.0.set(outcome);
    }

    /// Fails when the file is damaged.
    pub(crate) fn pass(&self) -> Result<(), StoreError> {
        match self.0.get() {
            Some(Outcome::Damaged(what)) => Err(StoreError::corrupt(what)),
            Some(Outcome::Sound | Outcome::NotFinished) | None => Ok(()),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_over(&self) -> bool {
        self.0.get().is_some()
    }
}

async fn check(reader: &Reader) -> Result<Outcome, StoreError> {
    let deadline = Instant::now() + CHECK_MAX;
    let mut file = VerifyReport::default();
    check_file(reader, deadline, &mut file).await?;
    say(&file);
    if let Some(first) = file.problems.first() {
        tracing::error!(
            "the logs' file is damaged: nothing is stored or deleted any more; restore from a backup"
        );
        return Ok(Outcome::Damaged(first.to_string()));
    }
    let mut rows = VerifyReport::default();
    check_rows(reader, deadline, &mut rows).await?;
    say(&rows);
    Ok(Outcome::Sound)
}

fn say(report: &VerifyReport) {
    for problem in report.problems.iter().take(SAID_MAX) {
        tracing::error!(%problem, "the store is damaged: run `sentinel verify`");
    }
}
