//! Which tokens a block's records hold, as filters that never miss one and seldom name one that is not there.
//!
//! A split-block Bloom filter (Putze, Sanders, Singler: "Cache-, hash- and space-efficient Bloom filters", as in
//! the Parquet format) over the tokens of messages, attributes, traces, spans and hosts, cut into slices by the token's hash: whether
//! a token may be there is asked of one slice alone.
//!
//! ```text
//! slice  = CRC-32 of the rest (4 bytes, little endian), bucket*
//! bucket = 8 words of 32 bits, little endian
//! ```
//! The hash of a token is XXH3 (64 bits) of its folded text. Its highest 4 bits are the slice, the next 32 choose
//! the bucket, the lowest 32 one bit in each of its words.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use domain::RecordBatch;
use domain::condition::{Number, for_each_value};
use domain::text::{fold, tokens_of_folded};
use twox_hash::XxHash3_64;

use super::Malformed;

/// Slices of a filter.
pub const SLICES: usize = 16;

/// Bits of filter for each distinct token: fewer than 1 of 100 tokens that are not there seem to be. A slice of a full
/// block fills a page of the file then; with fewer bits the rest of the page would be empty.
const BITS_PER_TOKEN: usize = 12;

const WORDS: usize = 8;
const BUCKET_BYTES: usize = WORDS * 4;
const CHECKSUM_BYTES: usize = 4;

/// Odd constants that spread a hash over the words of a bucket: those of the Parquet format.
const SALTS: [u32; WORDS] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// How many of the tokens seen last are remembered: most of a log's tokens were in the one before.
const RECENT: usize = 1024;

/// Which tokens of its records a block's filter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Those of messages and attributes: what filters held at first.
    MessagesAndAttributes,
    /// Also those of traces, spans and hosts, and of integers in attributes that are written with a fraction or an
    /// exponent their plain digits.
    All,
}

/// The hash of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(u64);

impl TokenHash {
    /// Hashes a token, which has to be folded.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(XxHash3_64::oneshot(token.as_bytes()))
    }

    /// Returns the slice that knows about this token.
    #[must_use]
    pub fn slice(self) -> usize {
        (self.0 >> 60) as usize
    }

    fn bucket(self, buckets: usize) -> usize {
        let fraction = (self.0 << 4) >> 32;
        ((fraction * buckets as u64) >> 32) as usize
    }

    fn bits(self) -> [u32; WORDS] {
        SALTS.map(|salt| 1 << ((self.0 as u32).wrapping_mul(salt) >> 27))
    }
}

/// Writes the slices of a filter over all tokens of a batch.
#[must_use]
pub fn encode_token_filter(batch: &RecordBatch) -> Vec<Vec<u8>> {
    DistinctTokens::of(batch, TokenKind::All).encode()
}

/// Says whether a filter of these slices holds every token of a batch that one of its kind does.
///
/// # Errors
/// [`Malformed`] when a slice is damaged.
pub fn holds_all_tokens(slices: &[Vec<u8>], batch: &RecordBatch, kind: TokenKind) -> Result<bool, Malformed> {
    for hash in DistinctTokens::of(batch, kind).hashes {
        let slice = slices.get(TokenHash(hash).slice()).ok_or(Malformed("a slice is missing"))?;
        if !may_hold(slice, TokenHash(hash))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Says whether the block whose filter has this slice may hold the token.
///
/// # Errors
/// [`Malformed`] when the slice is damaged.
pub fn may_hold(slice: &[u8], token: TokenHash) -> Result<bool, Malformed> {
    let buckets = check_slice(slice)?;
    if buckets.is_empty() {
        return Ok(false);
    }
    let start = token.bucket(buckets.len() / BUCKET_BYTES) * BUCKET_BYTES;
    let words = buckets[start..start + BUCKET_BYTES].as_chunks::<4>().0;
    Ok(words.iter().zip(token.bits()).all(|(word, bit)| u32::from_le_bytes(*word) & bit != 0))
}

/// Checks a slice, and returns its buckets.
///
/// # Errors
/// [`Malformed`] when the slice is damaged.
pub fn check_slice(slice: &[u8]) -> Result<&[u8], Malformed> {
    let (checksum, buckets) =
        slice.split_at_checked(CHECKSUM_BYTES).ok_or(Malformed("a token filter's slice is too short"))?;
    if checksum != crc32fast::hash(buckets).to_le_bytes() || !buckets.len().is_multiple_of(BUCKET_BYTES) {
        return Err(Malformed("the checksum of a token filter's slice is wrong"));
    }
    Ok(buckets)
}

/// The hashes of tokens, each once.
struct DistinctTokens {
    hashes: HashSet<u64, BuildHasherDefault<AlreadyHashed>>,
    recent: Box<[u64; RECENT]>,
}

impl Default for DistinctTokens {
    fn default() -> Self {
        Self { hashes: HashSet::default(), recent: Box::new([0; RECENT]) }
    }
}

impl DistinctTokens {
    fn of(batch: &RecordBatch, kind: TokenKind) -> Self {
        let mut tokens = Self::default();
        batch.messages().iter().for_each(|message| tokens.add_text(message));
        batch.attributes().iter().for_each(|attributes| tokens.add_json(attributes));
        if kind == TokenKind::All {
            for column in [batch.trace_ids(), batch.span_ids(), batch.hosts()] {
                column.iter().for_each(|text| tokens.add_text(text));
            }
            batch.attributes().iter().for_each(|attributes| tokens.add_integers(attributes));
        }
        tokens
    }

    /// Adds the plain digits of integers that are written with a fraction or an exponent.
    fn add_integers(&mut self, json: &str) {
        let is_decimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
        for run in json.as_bytes().chunk_by(|a, b| is_decimal(a) == is_decimal(b)) {
            let may_be_one = is_decimal(&run[0]) && run.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
            let number = std::str::from_utf8(run).ok().filter(|_| may_be_one).and_then(Number::parse);
            if let Some(integer) = number.and_then(Number::as_integer) {
                self.add(TokenHash::of(&integer.unsigned_abs().to_string()).0);
            }
        }
    }

    fn add_text(&mut self, text: &str) {
        let folded = fold(text);
        if folded.is_ascii() {
            let tokens = folded.as_bytes().split(|byte| !byte.is_ascii_alphanumeric());
            tokens.filter(|token| !token.is_empty()).for_each(|token| self.add(XxHash3_64::oneshot(token)));
        } else {
            tokens_of_folded(&folded).for_each(|token| self.add(TokenHash::of(token).0));
        }
    }

    /// Adds the tokens of a JSON text: as it is written, and where something in it is escaped also as it is meant.
    fn add_json(&mut self, json: &str) {
        self.add_text(json);
        if json.contains('\\') {
            // As a condition reads it: each of two members of one name, and beside numbers of any size.
            for_each_value(json, &mut |path, value| {
                self.add_text(path);
                self.add_text(value.as_text());
            });
            if let Ok(value) = serde_json::from_str(json) {
                self.add_strings(&value);
            }
        }
    }

    fn add_strings(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.add_text(text),
            serde_json::Value::Array(items) => items.iter().for_each(|item| self.add_strings(item)),
            serde_json::Value::Object(members) => {
                for (name, member) in members {
                    self.add_text(name);
                    self.add_strings(member);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, hash: u64) {
        let recent = &mut self.recent[hash as usize % RECENT];
        if *recent != hash {
            *recent = hash;
            self.hashes.insert(hash);
        }
    }

    fn encode(&self) -> Vec<Vec<u8>> {
        let mut counts = [0; SLICES];
        self.hashes.iter().for_each(|hash| counts[TokenHash(*hash).slice()] += 1);
        let buckets = counts.map(|tokens: usize| (tokens * BITS_PER_TOKEN).div_ceil(BUCKET_BYTES * 8));
        let mut slices = buckets.map(|buckets| vec![0_u32; buckets * WORDS]);
        for hash in &self.hashes {
            let token = TokenHash(*hash);
            let slice = token.slice();
            let start = token.bucket(buckets[slice]) * WORDS;
            slices[slice][start..start + WORDS]
                .iter_mut()
                .zip(token.bits())
                .for_each(|(word, bit)| *word |= bit);
        }
        slices.iter().map(|words| with_checksum(words)).collect()
    }
}

fn with_checksum(words: &[u32]) -> Vec<u8> {
    let buckets: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut slice = crc32fast::hash(&buckets).to_le_bytes().to_vec();
    slice.extend_from_slice(&buckets);
    slice
}

/// A hasher for what is a hash already.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only whole hashes are put in");
    }

    fn write_u64(&mut self, hash: u64) {
        // The slice's bits are the same for all of a slice, and the table looks at the highest.
        self.0 = hash.rotate_left(20);
    }
}

#[cfg(test)]
mod tests {
    use domain::TextMatch;
    use proptest::prelude::*;
    use testkit::build::{batch, record};
    use testkit::strategy::any_record;

    use super::*;

    fn holds(slices: &[Vec<u8>], token: &str) -> bool {
        let token = TokenHash::of(token);
        may_hold(&slices[token.slice()], token).unwrap()
    }

    proptest! {
        #[test]
        fn no_token_of_a_match_is_ever_missed(
            records in prop::collection::vec(any_record(), 1..40), start in 0..8_usize, length in 1..12_usize,
        ) {
            let slices = encode_token_filter(&batch(&records));
            for record in &records {
                let message = record.as_record_ref().message;
                let text: String = message.chars().skip(start).take(length).collect();
                for looked_for in [TextMatch::phrase(&text), TextMatch::part(&text)].into_iter().flatten() {
                    if looked_for.matches(message) {
                        prop_assert!(looked_for.tokens().iter().all(|token| holds(&slices, token)));
                    }
                }
            }
        }
    }

    #[test]
    fn few_tokens_that_are_not_there_seem_to_be() {
        let records: Vec<_> = (0..4000).map(|n| record(&format!("order {n} of user u{}", n * 7))).collect();
        let slices = encode_token_filter(&batch(&records));
        let wrong = (10_000..20_000).filter(|n| holds(&slices, &n.to_string())).count();
        assert!(wrong < 100, "{wrong} of 10000");
        assert_eq!(slices.len(), SLICES);
    }

    #[test]
    fn escaped_attributes_are_found_as_they_are_meant() {
        let attributes = r#"{"path":"C:\nord","n":{"\u00e4b":["x\ty"]},"plain":"Web-17"}"#;
        let slices = encode_token_filter(&batch(&[record("").attributes(attributes)]));
        for token in ["path", "ord", "äb", "x", "y", "plain", "web", "17"] {
            assert!(holds(&slices, token), "{token}");
        }
        let odd = r#"{"big":1e400,"z":"x\nbeside","n":{"a":"x\nfirst","a":2}}"#;
        let slices = encode_token_filter(&batch(&[record("").attributes(odd)]));
        assert!(holds(&slices, "beside") && holds(&slices, "first"));
    }

    #[test]
    fn a_damaged_slice_is_an_error_and_never_a_no() {
        let slices = encode_token_filter(&batch(&[record("needle")]));
        let token = TokenHash::of("needle");
        let slice = &slices[token.slice()];
        for bit in 0..slice.len() * 8 {
            let mut damaged = slice.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(may_hold(&damaged, token).is_err(), "bit {bit}");
        }
        assert!(may_hold(&slice[..10], token).is_err() && may_hold(&[], token).is_err());
    }
}
