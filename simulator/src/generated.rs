//! The client of ingest-svc, generated at build time from `openapi/ingest-svc.json` (see `build.rs`).
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "the generator's code, not ours; which of these it needs changes with its version"
)]

include!(concat!(env!("OUT_DIR"), "/ingest_client.rs"));
