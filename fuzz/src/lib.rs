//! What every target holds the decoders to, whatever bytes they are given.

use std::collections::BTreeSet;
use std::fmt;

use domain::limits::{IDENTIFIER_MAX_BYTES, RecordLimits};
use domain::{RecordRef, ServiceName, Timestamp};
use ingest_svc::decode::{Context, DecodeError, Decoded};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// 2026-03-01T12:00:00Z
const ARRIVAL_MICROS: i64 = 1_772_366_400_000_000;

/// Limits that short inputs reach.
const SMALL: RecordLimits = RecordLimits {
    batch_records: 8,
    message_bytes: 64,
    attributes: 4,
    attribute_name_bytes: 12,
    attribute_value_bytes: 24,
    attributes_depth: 3,
};

/// A record has the attributes of what it comes from, too, each as many as the limit says: of a resource and of a scope.
const ATTRIBUTE_SETS: usize = 3;

/// What becomes of a record's own fields: attributes beyond the limit, under names that may be longer than it.
const OWN_ATTRIBUTES: usize = 16;
const OWN_NAME_BYTES: usize = 64;

/// Decodes in the name of a key of any service, and of one that is bound to one, within limits of two sizes, and checks what
/// comes out: records within the limits, whose attributes are JSON objects.
///
/// # Panics
/// When a decoder gives what must not be stored.
pub fn check(decode: impl Fn(&Context<'_>) -> Result<Decoded, DecodeError>) {
    let received_at = Timestamp::saturating_from_micros(ARRIVAL_MICROS);
    let bound = ServiceName::parse("pay").expect("it is a name");
    for (bound_service, limits) in
        [(None, &RecordLimits::STANDARD), (Some(&bound), &RecordLimits::STANDARD), (None, &SMALL)]
    {
        let context = Context { received_at, bound_service, limits };
        let Ok(decoded) = decode(&context) else { continue };
        let counted: u64 = decoded.rejected_by.values().sum();
        assert_eq!(decoded.rejected, counted, "each refused record has a reason");
        assert!(decoded.batch.len() as u64 + decoded.rejected <= limits.batch_records as u64);
        decoded.batch.iter().for_each(|record| check_record(&record, &context));
    }
}

fn check_record(record: &RecordRef<'_>, context: &Context<'_>) {
    assert!(record.message.len() <= context.limits.message_bytes);
    assert!(ServiceName::check(record.service).is_ok(), "{:?}", record.service);
    assert!(context.bound_service.is_none_or(|bound| bound.as_str() == record.service));
    for text in [record.trace_id, record.span_id, record.host] {
        assert!(text.len() <= IDENTIFIER_MAX_BYTES, "{text}");
    }
    if !record.attributes.is_empty() {
        check_attributes(record.attributes, context.limits);
    }
}

fn check_attributes(json: &str, limits: &RecordLimits) {
    let Members(members) = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert!(members.len() <= ATTRIBUTE_SETS * limits.attributes + OWN_ATTRIBUTES, "{json}");
    let names: BTreeSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), members.len(), "each name once: {json}");
    for (name, value) in &members {
        assert!(name.len() <= limits.attribute_name_bytes + OWN_NAME_BYTES, "{json}");
        check_value(value.get(), limits.attributes_depth - 1);
    }
}

/// Checks that all texts in a value are Unicode, and that it has at most so many levels. Numbers may have any size.
fn check_value(json: &str, levels: usize) {
    let deeper = || levels.checked_sub(1).unwrap_or_else(|| panic!("too deep: {json}"));
    let values: Vec<&RawValue> = match json.as_bytes()[0] {
        b'{' => {
            let Members(members) =
                serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
            members.into_iter().map(|(_, value)| value).collect()
        }
        b'[' => serde_json::from_str(json).expect("it is an array"),
        b'"' => {
            let text = serde_json::from_str::<String>(json);
            return assert!(text.is_ok(), "{json}");
        }
        _ => return,
    };
    values.iter().for_each(|value| check_value(value.get(), deeper()));
    deeper();
}

/// The members of an object, also those whose name another one has.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
