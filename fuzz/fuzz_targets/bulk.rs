//! Bodies of Elasticsearch's bulk API. The first byte says whether the path names an index.
#![no_main]

use ingest_svc::decode::decode_bulk;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((has_default, body)) = input.split_first() else { return };
    let default_index = has_default.is_multiple_of(2).then_some("logs-app-default");
    sentinel_fuzz::check(|context| {
        let (decoded, asked) = decode_bulk(body, default_index, context)?;
        let faults = asked.items.iter().filter(|item| item.fault.is_some()).count();
        assert_eq!(asked.items.len() - faults, decoded.batch.len(), "each item without a fault is a record");
        assert_eq!(faults as u64, decoded.rejected, "each item with a fault is a refused record");
        assert_eq!(
            decoded.record_keys.len(),
            decoded.batch.len(),
            "each record has its key, or that it has none"
        );
        for item in &asked.items {
            assert!(item.index < asked.indices.len());
            let is_stored = item.fault.is_none();
            assert!(!is_stored || !asked.indices[item.index].is_empty(), "what is stored has an index");
        }
        Ok(decoded)
    });
});
