//! `Content-Encoding`: whatever a body says it is, it never becomes larger than it may, nor reserves more than it gets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sentinel_http::body::encoding::{Encoding, InflatedLimit};

/// Most bytes of what comes out.
const LIMIT: usize = 64 * 1024;

/// What may be reserved beyond it.
const SLACK: usize = 4 * 1024;

fuzz_target!(|input: &[u8]| {
    let Some((encoding, body)) = input.split_first() else { return };
    let encodings = Encoding::ALL;
    let encoding = encodings[usize::from(*encoding) % encodings.len()];
    let limit = InflatedLimit { bytes: LIMIT, ratio: None };
    let inflated = encoding.inflate(body, limit, |bytes| {
        assert!(bytes <= LIMIT + SLACK, "{bytes} bytes are asked for");
        Ok(())
    });
    if let Ok(inflated) = inflated {
        assert!(inflated.len() <= LIMIT);
    }
});
