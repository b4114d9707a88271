//! A body with the key that makes repeats of it harmless.

use std::fmt::Write as _;

use bytes::Bytes;
use rand::RngCore;

/// How hard bodies are compressed: zstd's own usual level, at which log lines shrink about tenfold.
const ZSTD_LEVEL: i32 = 3;

/// Bodies that are larger and would inflate more than [`GROWTH_MAX`] times are taken for bombs by a service (its limit is
/// 200 times beyond 1 MiB): they go as they are.
const GROWTH_FREE_BYTES: usize = 1024 * 1024;
/// See [`GROWTH_FREE_BYTES`].
const GROWTH_MAX: usize = 150;

/// Logs on their way: NDJSON, usually compressed.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    /// The `Idempotency-Key`.
    pub(crate) key: String,
    /// The body as it goes over the wire.
    pub(crate) body: Bytes,
    /// Its `Content-Encoding`.
    pub(crate) encoding: Option<&'static str>,
    /// How many logs it has, of each of which an answer says what became of it.
    pub(crate) records: u64,
    /// Whether it has another key than at first, because that one was used before.
    pub(crate) has_new_key: bool,
}

impl Parcel {
    /// Packs lines of JSON, so many logs.
    ///
    /// # Errors
    /// When they cannot be compressed: there is no memory.
    pub(crate) fn pack(key: String, ndjson: Vec<u8>, records: u64) -> std::io::Result<Self> {
        let packed = zstd::bulk::compress(&ndjson, ZSTD_LEVEL)?;
        let looks_like_a_bomb =
            ndjson.len() > GROWTH_FREE_BYTES && packed.len().saturating_mul(GROWTH_MAX) < ndjson.len();
        let (body, encoding) = if looks_like_a_bomb { (ndjson, None) } else { (packed, Some("zstd")) };
        Ok(Self { key, body: body.into(), encoding, records, has_new_key: false })
    }

    /// Goes under a new key, which nobody else has: that this one was used before, too, is not to be believed.
    pub(crate) fn renew_key(&mut self, key: String) {
        (self.key, self.has_new_key) = (key, true);
    }
}

/// Returns an `Idempotency-Key` that nobody else has: 128 random bits.
pub(crate) fn random_key(prefix: &str, rng: &mut impl RngCore) -> String {
    let mut key = String::from(prefix);
    let _ = write!(key, "-{:016x}{:016x}", rng.next_u64(), rng.next_u64());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_would_take_for_a_bomb_is_not_compressed() {
        let lines = b"{\"message\":\"the same again\"}\n";
        let (few, many) = (lines.repeat(100), lines.repeat(200_000));

        let small = Parcel::pack("k".to_owned(), few, 100).unwrap();
        let large = Parcel::pack("k".to_owned(), many.clone(), 200_000).unwrap();

        assert_eq!(small.encoding, Some("zstd"));
        assert!(small.body.len() < 100);
        assert_eq!((large.encoding, &large.body[..]), (None, &many[..]));
    }
}
