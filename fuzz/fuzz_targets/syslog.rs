//! syslog: messages of RFC 5424 and RFC 3164, one after the other.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use ingest_svc::decode::decode_syslog;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut messages = Vec::new();
    let mut start = 0;
    for message in input.split(|byte| *byte == b'\n') {
        messages.push((start..start + message.len(), IpAddr::V4(Ipv4Addr::LOCALHOST)));
        start += message.len() + 1;
    }
    sentinel_fuzz::check(|context| decode_syslog(input, &messages, context));
});
