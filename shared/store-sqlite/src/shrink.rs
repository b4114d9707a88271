//! Giving pages that became free back to the filesystem.

use std::time::{Duration, Instant};

use store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::database::Writer;

/// Longest pause between two steps.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Makes the file smaller, in steps that let other writers pass, until nothing is free or `closing` is cancelled.
pub(crate) async fn shrink_file(writer: &Writer, closing: &CancellationToken) -> Result<(), StoreError> {
    while !closing.is_cancelled() {
        let begun = Instant::now();
        if !writer.shrink_a_step().await? {
            break;
        }
        tokio::time::sleep(begun.elapsed().min(PAUSE_MAX)).await;
    }
    Ok(())
}
