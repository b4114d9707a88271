//! Generates the HTTP client of ingest-svc from `openapi/ingest-svc.json` into `OUT_DIR/ingest_client.rs`.
//!
//! The document describes everything that ingest-svc accepts, which is more than the generator can read; `build/reduce.rs`
//! therefore hands it a reduced copy. The document itself is never changed for the generator's sake.

#[path = "build/reduce.rs"]
mod reduce;

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

/// The contract of ingest-svc, relative to this package.
const DOCUMENT: &str = "../openapi/ingest-svc.json";

fn main() -> anyhow::Result<()> {
    println!("cargo:rerun-if-changed={DOCUMENT}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build/reduce.rs");

    let text = fs::read_to_string(DOCUMENT)
        .with_context(|| format!("cannot read {DOCUMENT}; write it with `ingest-svc --print-openapi`"))?;
    let document = serde_json::from_str(&text).with_context(|| format!("{DOCUMENT} is not JSON"))?;
    let reduced = reduce::reduce(&document)
        .with_context(|| format!("{DOCUMENT} lacks something that the simulator's client is made of"))?;
    let spec: openapiv3::OpenAPI =
        serde_json::from_value(reduced).context("the reduced copy is not an OpenAPI 3.0 document")?;
    let client = progenitor::Generator::default()
        .generate_tokens(&spec)
        .context("the generator cannot read the reduced copy")?;

    let directory = env::var_os("OUT_DIR").map(PathBuf::from).context("cargo did not set OUT_DIR")?;
    fs::write(directory.join("ingest_client.rs"), client.to_string()).context("cannot write the client")
}
