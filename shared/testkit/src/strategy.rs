//! Random records and filters, made to collide: few services, close times, so that edges are hit often.

use std::collections::BTreeSet;

use domain::{Condition, Filter, Severity, SeveritySet, TimeRange};
use proptest::prelude::*;

use crate::build::{NOON_MICROS, RecordBuilder, record};
use crate::conditions::{ATTRIBUTES, any_condition};

const SERVICES: [&str; 4] = ["auth", "pay", "zahlung ä", "3888:QuorumCnxManager$Listener"];
/// The hosts, traces and spans of random records.
pub(crate) const IDENTIFIERS: [&str; 5] = ["", "web-1", "x-1", "4bf92f", "ONE"];
/// All random times lie in so many microseconds after noon.
const TIMES: i64 = 40;

pub(crate) fn service() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&SERVICES[..])
}

pub(crate) fn severity() -> impl Strategy<Value = Severity> {
    (1..=24_u64).prop_map(|n| Severity::from_number(n).expect("1 to 24 are severities"))
}

/// A random record.
pub fn any_record() -> impl Strategy<Value = RecordBuilder> {
    let attributes = prop::sample::select(&ATTRIBUTES[..]);
    let message = prop_oneof![".{0,40}", Just(String::new()), "[0-9]{1,3} ms for order [a-f0-9]{8}"];
    let times = (moment(), 0..TIMES);
    (service(), severity(), times, message, attributes, (identifier(), identifier(), identifier())).prop_map(
        |(service, severity, (micros, received), message, attributes, (host, trace_id, span_id))| {
            record(&message)
                .received_micros(NOON_MICROS + received)
                .span(trace_id, span_id)
                .service(service)
                .severity(&severity.number().to_string())
                .at_micros(NOON_MICROS + micros)
                .host(host)
                .attributes(attributes)
        },
    )
}

/// A host, a trace or a span: one of a few, so that a search for it finds some.
fn identifier() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&IDENTIFIERS[..])
}

/// A time after noon, in microseconds: close to it, or at the first ones of the next minutes.
fn moment() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..TIMES, 1 => (0..3_i64, 0..2_i64).prop_map(|(minute, n)| minute * 60_000_000 + n)]
}

pub(crate) fn time_range() -> impl Strategy<Value = TimeRange> {
    let end = || prop::option::of(moment().prop_map(|micros| NOON_MICROS + micros));
    (end(), end()).prop_map(|(from, to)| TimeRange { from, to })
}

/// A random filter; everything, one part or several.
pub fn any_filter() -> impl Strategy<Value = Filter> {
    let services = prop::option::of(prop::collection::btree_set(service().prop_map(str::to_owned), 0..3));
    let severities = prop_oneof![
        3 => Just(SeveritySet::ALL),
        1 => severity().prop_map(SeveritySet::band_of),
        1 => severity().prop_map(SeveritySet::at_least),
    ];
    let received_at = prop_oneof![3 => Just(TimeRange::default()), 1 => time_range()];
    let condition = prop_oneof![1 => Just(Condition::EVERYTHING), 1 => any_condition()];
    (services, severities, time_range(), received_at, condition).prop_map(
        |(services, severities, timestamp, received_at, condition): (
            Option<BTreeSet<String>>,
            _,
            _,
            _,
            _,
        )| { Filter { services, severities, timestamp, received_at, condition } },
    )
}
