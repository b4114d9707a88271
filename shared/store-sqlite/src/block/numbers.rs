//! Columns of unsigned numbers, each written in the form that is likely the smallest.
//!
//! Numbers that vary are written as planes: first every number's lowest byte, then every second byte, and so
//! on. What is random fills a plane of its own, and zstd packs the others to what they hold.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Malformed;
use super::frame::Content;
use super::planes::{Planes, put_planes, width_of};
use super::varint::{self, Reader};

const CONSTANT: u8 = 0;
const OFFSETS: u8 = 1;
const DELTAS: u8 = 2;
const DICTIONARY: u8 = 3;

/// A dictionary is given up when more than this, and a quarter of the numbers seen so far, are distinct.
const DISTINCT_SLACK: usize = 64;

/// The size is estimated from so many runs of so many numbers.
const SAMPLE_RUNS: usize = 4;
const SAMPLE_RUN: usize = 256;

/// A column of numbers.
#[derive(Debug)]
pub(super) enum Numbers {
    /// All are this one.
    Constant(u64),
    /// Each is so much more than the smallest.
    Offsets(u64, Planes),
    /// All of them, summed up from what each is more or less than the one before.
    Listed(Vec<u64>),
    /// Each is one of these.
    Dictionary(Vec<u64>, Planes),
}

/// Writes a column.
pub(super) fn put_numbers(out: &mut Content, values: &[u64]) {
    let min = values.iter().min().copied().unwrap_or(0);
    let max = values.iter().max().copied().unwrap_or(0);
    if min == max {
        out.bytes.push(CONSTANT);
        varint::put(&mut out.bytes, min);
        return;
    }
    let offset_bits = bits_per_number(values, |values, at| values[at] - min);
    let delta_bits = bits_per_number(values, delta);
    let best_bits = offset_bits.min(delta_bits);
    if let Some((entries, codes)) = dictionary(values) {
        let code_bits = bits_per_number(&codes, |codes, at| codes[at]);
        let entries_bits = 8 * entries.len() * width_of(max);
        if code_bits * (values.len() as f64) + entries_bits as f64 <= best_bits * 0.98 * values.len() as f64 {
            out.bytes.push(DICTIONARY);
            varint::put_usize(&mut out.bytes, entries.len());
            entries.iter().for_each(|entry| varint::put(&mut out.bytes, *entry));
            put_number_planes(out, &codes, (entries.len() - 1) as u64);
            return;
        }
    }
    if delta_bits < offset_bits * 0.98 {
        let deltas: Vec<u64> = (0..values.len()).map(|at| delta(values, at)).collect();
        out.bytes.push(DELTAS);
        varint::put(&mut out.bytes, values[0]);
        put_number_planes(out, &deltas, deltas.iter().max().copied().unwrap_or(0));
    } else {
        out.bytes.push(OFFSETS);
        varint::put(&mut out.bytes, min);
        let offsets: Vec<u64> = values.iter().map(|value| value - min).collect();
        put_number_planes(out, &offsets, max - min);
    }
}

/// Returns how much a number is more than the one before, zigzag-coded; 0 for the first.
fn delta(values: &[u64], at: usize) -> u64 {
    let Some(before) = at.checked_sub(1) else { return 0 };
    let delta = values[at].wrapping_sub(values[before]).cast_signed();
    ((delta << 1) ^ (delta >> 63)).cast_unsigned()
}

/// Returns the distinct numbers in order of their appearance, and each number's place among them; `None`
/// where most are distinct.
fn dictionary(values: &[u64]) -> Option<(Vec<u64>, Vec<u64>)> {
    let mut places: HashMap<u64, u64, RandomState> = HashMap::default();
    let (mut entries, mut codes) = (Vec::new(), Vec::with_capacity(values.len()));
    for (seen, value) in values.iter().enumerate() {
        let place = *places.entry(*value).or_insert(entries.len() as u64);
        if place == entries.len() as u64 {
            entries.push(*value);
            if entries.len() > DISTINCT_SLACK + seen / 4 {
                return None;
            }
        }
        codes.push(place);
    }
    Some((entries, codes))
}

/// Estimates how many bits a number takes when each byte of what `number` makes of it is coded by how often it
/// occurs.
fn bits_per_number(values: &[u64], number: impl Fn(&[u64], usize) -> u64) -> f64 {
    let mut counts = [[0_u16; 256]; 8];
    let (mut sampled, mut all) = (0, 0);
    let run = SAMPLE_RUN.min(values.len().div_ceil(SAMPLE_RUNS));
    for part in 0..SAMPLE_RUNS {
        let start = values.len() * part / SAMPLE_RUNS;
        for at in start..(start + run).min(values.len()) {
            let number = number(values, at);
            all |= number;
            sampled += 1;
            for (counts, byte) in counts.iter_mut().zip(number.to_le_bytes()) {
                counts[usize::from(byte)] += 1;
            }
        }
    }
    let mut bits = 0.0;
    for counts in &counts[..width_of(all)] {
        for count in counts.iter().filter(|count| **count > 0) {
            let count = f64::from(*count);
            bits += count * (f64::from(sampled) / count).log2();
        }
    }
    bits / f64::from(sampled.max(1))
}

/// Writes numbers as planes, and before them how many.
fn put_number_planes(out: &mut Content, values: &[u64], max: u64) {
    let width = width_of(max);
    out.bytes.push(width as u8);
    put_planes(out, width, values.len(), |plane, entry| (values[entry] >> (8 * plane)) as u8);
}

// === impl Numbers ===

impl Numbers {
    /// Reads a column of so many numbers.
    pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self, Malformed> {
        match reader.byte()? {
            CONSTANT => Ok(Self::Constant(reader.number()?)),
            OFFSETS => Ok(Self::Offsets(reader.number()?, read_planes(reader, count)?)),
            DELTAS => {
                let mut value = reader.number()?;
                let planes = read_planes(reader, count)?;
                let sum = |zigzag: u64| {
                    value = value.wrapping_add(zigzag >> 1 ^ (zigzag & 1).wrapping_neg());
                    value
                };
                Ok(Self::Listed(planes.numbers().into_iter().map(sum).collect()))
            }
            DICTIONARY => {
                let entries = (0..reader.count()?).map(|_| reader.number()).collect::<Result<Vec<_>, _>>()?;
                let codes = read_planes(reader, count)?;
                if codes.numbers().iter().any(|code| *code >= entries.len() as u64) {
                    return Err(Malformed("a code names nothing"));
                }
                Ok(Self::Dictionary(entries, codes))
            }
            _ => Err(Malformed("numbers are written in a form that is not known here")),
        }
    }

    pub(super) fn get(&self, at: usize) -> u64 {
        match self {
            Self::Constant(value) => *value,
            Self::Offsets(min, planes) => min.wrapping_add(planes.number(at)),
            Self::Listed(values) => values[at],
            Self::Dictionary(entries, codes) => entries[codes.number(at) as usize],
        }
    }

    /// Returns all numbers.
    pub(super) fn into_vec(self, count: usize) -> Vec<u64> {
        match self {
            Self::Constant(value) => vec![value; count],
            Self::Offsets(min, planes) => {
                planes.numbers().into_iter().map(|offset| min.wrapping_add(offset)).collect()
            }
            Self::Listed(values) => values,
            Self::Dictionary(entries, codes) => {
                codes.numbers().into_iter().map(|code| entries[code as usize]).collect()
            }
        }
    }
}

fn read_planes(reader: &mut Reader<'_>, entries: usize) -> Result<Planes, Malformed> {
    let width = usize::from(reader.byte()?);
    if !(1..=8).contains(&width) {
        return Err(Malformed("a number is no bytes wide, or more than 8"));
    }
    Planes::read(reader, width, entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(values: &[u64]) -> Content {
        let mut content = Content::default();
        put_numbers(&mut content, values);
        content
    }

    #[test]
    fn every_form_gives_the_numbers_back() {
        let columns: [(u8, Vec<u64>); 6] = [
            (CONSTANT, vec![u64::MAX; 9]),
            (CONSTANT, Vec::new()),
            (OFFSETS, (0..500).map(|n| u64::MAX - n * n * 7_919_333 % 9973).collect()),
            (DELTAS, vec![0, u64::MAX]),
            (DELTAS, (0..500).map(|n| n * 1_000_003).collect()),
            (DICTIONARY, (0..500).map(|n| [17, 4_711_081_500, 3][n * n % 7 % 3]).collect()),
        ];
        for (form, values) in columns {
            let content = written(&values);
            assert_eq!(content.bytes[0], form, "{values:?}");
            let read = || Numbers::read(&mut Reader::new(&content.bytes), values.len()).unwrap();
            assert_eq!(read().into_vec(values.len()), values);
            assert!(values.iter().enumerate().all(|(at, value)| read().get(at) == *value));
        }
    }

    #[test]
    fn a_code_that_names_nothing_is_malformed() {
        // Two entries, and three bytes that are codes.
        let column = |code| [DICTIONARY, 2, 50, 60, 1, 0, 0, 1, code];
        assert!(Numbers::read(&mut Reader::new(&column(1)), 3).is_ok());
        assert!(Numbers::read(&mut Reader::new(&column(2)), 3).is_err());
    }
}
