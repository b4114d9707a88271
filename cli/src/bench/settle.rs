//! Waiting until the engine has come to rest: whatever it does after the last answer is a part of the cost.

use std::path::Path;
use std::time::{Duration, Instant};

use super::process::{cpu_seconds, directory_bytes};

/// The engine rests when it has been quiet for so long.
const QUIET_FOR: Duration = Duration::from_secs(5);

/// It is waited no longer than this.
const WAIT_AT_MOST: Duration = Duration::from_secs(120);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// An engine that uses no more than this while it is quiet is: looking for commits of others takes some.
const QUIET_CPU_SECONDS: f64 = 0.2;

/// Waits; says whether it came to rest in time.
///
/// # Errors
/// When the process is gone.
pub(crate) async fn settle(pid: u32, data_dir: &Path) -> anyhow::Result<bool> {
    let give_up = Instant::now() + WAIT_AT_MOST;
    let look = || anyhow::Ok((cpu_seconds(pid)?, directory_bytes(data_dir)?));
    let (mut quiet_since, mut before) = (Instant::now(), look()?);
    while Instant::now() < give_up {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = look()?;
        if now.0 - before.0 > QUIET_CPU_SECONDS || now.1 != before.1 {
            (quiet_since, before) = (Instant::now(), now);
        }
        if quiet_since.elapsed() >= QUIET_FOR {
            return Ok(true);
        }
    }
    Ok(false)
}
