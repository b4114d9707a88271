//! How fast everything is exported, and how much memory that takes.

use std::time::Instant;

use anyhow::{Context, ensure};
use reqwest::Client;

use super::process::peak_memory_kib;
use super::services::ServiceProcess;

/// What came of it.
pub(crate) struct Exported {
    /// Lines, the header among them.
    pub(crate) rows: u64,
    /// Bytes, as they came.
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    /// By how much the most memory that query-svc ever had has grown, in KiB.
    pub(crate) peak_grown_kib: u64,
}

/// Exports all logs, and counts what comes.
///
/// # Errors
/// When query-svc does not answer, or breaks off.
pub(crate) async fn export(
    client: &Client,
    query: &ServiceProcess,
    key: &str,
    format: &str,
) -> anyhow::Result<Exported> {
    let peak_before = peak_memory_kib(query.pid())?;
    let started = Instant::now();
    let url = query.url(&format!("/api/v1/logs/export?format={format}"));
    // It may take longer than any other request.
    let request = client.get(url).bearer_auth(key).timeout(std::time::Duration::from_secs(3600));
    let mut response = request.send().await.context("query-svc does not answer")?;
    ensure!(response.status().is_success(), "{}", response.status());
    let (mut rows, mut bytes) = (0, 0);
    while let Some(part) = response.chunk().await? {
        bytes += part.len() as u64;
        rows += memchr::memchr_iter(b'\n', &part).count() as u64;
    }
    let seconds = started.elapsed().as_secs_f64();
    let peak_grown_kib = peak_memory_kib(query.pid())? - peak_before;
    Ok(Exported { rows, bytes, seconds, peak_grown_kib })
}

impl Exported {
    /// Says it in a line.
    pub(crate) fn summary(&self) -> String {
        let per_second = self.rows as f64 / self.seconds;
        let (mega, grown) = (self.bytes as f64 / 1e6, self.peak_grown_kib as f64 / 1024.0);
        format!("{per_second:.0} rows/s ({} rows, {mega:.0} MB, peak +{grown:.1} MiB)", self.rows)
    }
}
