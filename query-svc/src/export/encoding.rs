//! Whether a file travels compressed: if the client asks for it, by what it likes best.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How hard gzip tries: texts of logs become little smaller with more, and it would be what an export waits for.
const GZIP_LEVEL: u32 = 3;

/// How hard zstd tries.
const ZSTD_LEVEL: i32 = 3;

/// How a file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip, RFC 1952.
    Gzip,
    /// zstd, RFC 8878.
    Zstd,
}

/// Encodes a file piece by piece.
pub enum Encoder {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip(GzEncoder<Vec<u8>>),
    /// zstd.
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

/// What a client may name; of what it likes as much, the first.
const KNOWN: [(&str, Encoding); 4] = [
    ("zstd", Encoding::Zstd),
    ("gzip", Encoding::Gzip),
    ("x-gzip", Encoding::Gzip),
    ("identity", Encoding::Identity),
];

// === impl Encoding ===

impl Encoding {
    /// Returns the one that a request likes best, by the values of its headers `Accept-Encoding`; of several, the one that
    /// costs least. A request that says nothing, or only things that are not known here, gets the file as it is.
    #[must_use]
    pub fn of<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let wishes: Vec<(String, f32)> =
            values.flat_map(|value| value.split(',')).filter_map(read_wish).collect();
        let (mut best, mut best_weight) = (Self::Identity, 0.0);
        for (name, encoding) in KNOWN {
            let weight = wishes.iter().find(|(wish, _)| wish == name).map_or(0.0, |(_, weight)| *weight);
            if weight > best_weight {
                (best, best_weight) = (encoding, weight);
            }
        }
        best
    }

    /// Returns the value of `Content-Encoding`, unless there is none.
    #[must_use]
    pub fn header(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// Begins to encode.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn begin(self) -> io::Result<Encoder> {
        Ok(match self {
            Self::Identity => Encoder::Identity,
            Self::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
            Self::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
            }
        })
    }
}

/// Reads an encoding and how much it is liked, such as `gzip;q=0.5`; `None`: it cannot be read, and so counts for nothing.
fn read_wish(text: &str) -> Option<(String, f32)> {
    let (name, parameters) = text.split_once(';').unwrap_or((text, "q=1"));
    let (parameter, weight) = parameters.split_once('=')?;
    if !parameter.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let weight = weight.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
    Some((name.trim().to_ascii_lowercase(), weight))
}

// === impl Encoder ===

impl Encoder {
    /// Encodes a piece; returns what can be sent by now.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn encode(&mut self, piece: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(piece),
            Self::Gzip(encoder) => {
                encoder.write_all(&piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Zstd(encoder) => {
                encoder.write_all(&piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    /// Ends the file; returns the rest of it.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(Vec::new()),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_client_gets_what_it_likes_best_and_only_what_it_asks_for() {
        let cases = [
            ("", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("GZip", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("zstd", Encoding::Zstd),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("zstd;q=0.5, gzip;q=0.9", Encoding::Gzip),
            ("zstd ; q=0.5 , gzip ; Q=0.4", Encoding::Zstd),
            ("gzip;q=0, zstd;q=0.000", Encoding::Identity),
            ("identity, gzip;q=0.5", Encoding::Identity),
            ("identity;q=0.5, gzip;q=1.0", Encoding::Gzip),
            ("br, deflate, *", Encoding::Identity),
            ("gzip;q=2, zstd;q=NaN, zstd;level=3", Encoding::Identity),
        ];
        for (accept, expected) in cases {
            assert_eq!(Encoding::of([accept].into_iter()), expected, "{accept}");
        }
        assert_eq!(Encoding::of(["gzip;q=0.1", "zstd"].into_iter()), Encoding::Zstd);
        assert_eq!(Encoding::of(std::iter::empty()), Encoding::Identity);
    }

    #[test]
    fn pieces_become_one_file() {
        for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
            let mut encoder = encoding.begin().unwrap();
            let mut encoded = Vec::new();
            for piece in ["one ", "", "two"] {
                encoded.extend(encoder.encode(piece.into()).unwrap());
            }
            encoded.extend(encoder.finish().unwrap());

            let mut text = String::new();
            match encoding {
                Encoding::Identity => encoded.as_slice().read_to_string(&mut text).unwrap(),
                Encoding::Gzip => flate2::read::GzDecoder::new(&*encoded).read_to_string(&mut text).unwrap(),
                Encoding::Zstd => zstd::Decoder::new(&*encoded).unwrap().read_to_string(&mut text).unwrap(),
            };
            assert_eq!(text, "one two", "{encoding:?}");
        }
    }
}
