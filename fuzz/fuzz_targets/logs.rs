//! `POST /logs`: JSON, NDJSON, lines of text.
#![no_main]

use ingest_svc::decode::{BodyFormat, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((format, body)) = input.split_first() else { return };
    let format = [BodyFormat::Json, BodyFormat::NdJson, BodyFormat::Text][usize::from(*format) % 3];
    sentinel_fuzz::check(|context| decode(body, format, context));
});
