//! Pushes in Loki's protocol: protobuf, whose snappy is the target `encodings`' business, and JSON.
#![no_main]

use ingest_svc::decode::{WireFormat, decode_loki};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((encoding, body)) = input.split_first() else { return };
    let encoding = [WireFormat::Protobuf, WireFormat::Json][usize::from(*encoding) % 2];
    sentinel_fuzz::check(|context| decode_loki(body, encoding, context));
});
