//! What every target holds the decoders to, whatever bytes they are given.

use domain::limits::RecordLimits;
use domain::{ServiceName, Timestamp};
use ingest_svc::decode::{Context, DecodeError, Decoded};

/// 2026-03-01T12:00:00Z
const ARRIVAL_MICROS: i64 = 1_772_366_400_000_000;

/// Decodes in the name of a key of any service, and of one that is bound to one, and checks what comes out: records within
/// the limits, whose attributes are JSON objects.
///
/// # Panics
/// When a decoder gives what must not be stored.
pub fn check(decode: impl Fn(&Context<'_>) -> Result<Decoded, DecodeError>) {
    let received_at = Timestamp::saturating_from_micros(ARRIVAL_MICROS);
    let bound = ServiceName::parse("pay").expect("it is a name");
    for bound_service in [None, Some(&bound)] {
        let limits = RecordLimits::STANDARD;
        let context = Context { received_at, bound_service, limits: &limits };
        let Ok(decoded) = decode(&context) else { continue };
        let counted: u64 = decoded.rejected_by.values().sum();
        assert_eq!(decoded.rejected, counted, "each refused record has a reason");
        for record in decoded.batch.iter() {
            assert!(record.message.len() <= limits.message_bytes);
            assert!(ServiceName::check(record.service).is_ok(), "{:?}", record.service);
            assert!(bound_service.is_none_or(|bound| bound.as_str() == record.service));
            let is_object = |json| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json).is_ok();
            assert!(record.attributes.is_empty() || is_object(record.attributes), "{}", record.attributes);
        }
    }
}
