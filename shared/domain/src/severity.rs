//! Severities: OpenTelemetry's numbers 1 to 24 inside, every usual spelling in, two spellings out.
//!
//! The numbers come in six bands of four (OpenTelemetry logs data model, "SeverityNumber"): TRACE 1–4,
//! DEBUG 5–8, INFO 9–12, WARN 13–16, ERROR 17–20, FATAL 21–24. A text names a band; filters and counts
//! speak of bands, so that `WARN`, `warning` and `13` all mean the same logs.

use std::fmt;

use thiserror::Error;

/// The names of the six bands as `level` and OpenTelemetry spell them.
const LEVEL_NAMES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
/// The names of the six bands as `severity` spells them.
const SEVERITY_NAMES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

/// Other words for a severity, upper case, and their numbers. `NOTICE` and `ALERT` follow OpenTelemetry's
/// mapping of syslog; the rest is what common logging libraries write.
const ALIASES: [(&str, u8); 16] = [
    ("WARNING", 13),
    ("CRITICAL", 21),
    ("ERR", 17),
    ("CRIT", 21),
    ("INFORMATION", 9),
    ("INFORMATIONAL", 9),
    ("NOTICE", 10),
    ("DBG", 5),
    ("INF", 9),
    ("WRN", 13),
    ("VERBOSE", 1),
    ("SEVERE", 17),
    ("ALERT", 19),
    ("EMERGENCY", 24),
    ("EMERG", 24),
    ("PANIC", 24),
];

/// An OpenTelemetry severity number, 1 to 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Severity(u8);

/// A text or number that names no severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "unknown severity: expected TRACE, DEBUG, INFO, WARN, ERROR, FATAL, one of their usual spellings, or a number from 1 to 24"
)]
pub struct UnknownSeverity;

impl Severity {
    /// How many numbers there are, with 0, which is none: the length of a table by number.
    pub const COUNT: usize = 25;
    /// The severity of a record that names none.
    pub const DEFAULT: Self = Self(9);

    /// Makes a severity from OpenTelemetry's number.
    ///
    /// # Errors
    /// [`UnknownSeverity`] outside 1 to 24.
    pub fn from_number(number: u64) -> Result<Self, UnknownSeverity> {
        match u8::try_from(number) {
            Ok(n @ 1..=24) => Ok(Self(n)),
            _ => Err(UnknownSeverity),
        }
    }

    /// Reads any accepted spelling, in any case: a band's name, with or without OpenTelemetry's digit 1 to
    /// 4 behind it (`INFO2`), an alias, or a number.
    ///
    /// # Errors
    /// [`UnknownSeverity`] for every other text.
    pub fn parse(text: &str) -> Result<Self, UnknownSeverity> {
        let text = text.trim();
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return text.parse().map_err(|_| UnknownSeverity).and_then(Self::from_number);
        }
        let (word, step) = match text.as_bytes().last() {
            Some(digit @ b'1'..=b'4') => (&text[..text.len() - 1], digit - b'1'),
            _ => (text, 0),
        };
        let band =
            LEVEL_NAMES.iter().zip([1, 5, 9, 13, 17, 21]).find(|(name, _)| word.eq_ignore_ascii_case(name));
        if let Some((_, first)) = band {
            return Ok(Self(first + step));
        }
        let alias = ALIASES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        alias.map(|(_, number)| Self(*number)).ok_or(UnknownSeverity)
    }

    /// Returns OpenTelemetry's number, 1 to 24.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Returns the band's name as `severity` spells it: TRACE DEBUG INFO WARNING ERROR CRITICAL.
    #[must_use]
    pub fn severity_text(self) -> &'static str {
        SEVERITY_NAMES[self.band()]
    }

    /// Returns the band's name as `level` spells it: TRACE DEBUG INFO WARN ERROR FATAL.
    #[must_use]
    pub fn level_text(self) -> &'static str {
        LEVEL_NAMES[self.band()]
    }

    fn band(self) -> usize {
        usize::from((self.0 - 1) / 4)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.severity_text())
    }
}

/// A set of severities: bit `n` stands for the number `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeveritySet(u32);

impl SeveritySet {
    /// Every severity.
    pub const ALL: Self = Self(0x01FF_FFFE);
    /// No severity.
    pub const NONE: Self = Self(0);

    /// Returns the whole band that `severity` lies in: what a filter means by a name.
    #[must_use]
    pub fn band_of(severity: Severity) -> Self {
        Self(0b1111 << (severity.band() * 4 + 1))
    }

    /// Returns `severity`'s band and every more severe one.
    #[must_use]
    pub fn at_least(severity: Severity) -> Self {
        Self(Self::ALL.0 & !((1 << (severity.band() * 4 + 1)) - 1))
    }

    /// Says whether `severity` is in the set.
    #[must_use]
    pub fn contains(self, severity: Severity) -> bool {
        self.0 & (1 << severity.0) != 0
    }

    /// Returns what is in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns what is in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns what is in this set and not in the other.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the names of the bands that have a severity in the set, as `level` spells them.
    pub fn level_texts(self) -> impl Iterator<Item = &'static str> {
        let has_band = move |band: usize| self.0 & (0b1111 << (band * 4 + 1)) != 0;
        LEVEL_NAMES.into_iter().enumerate().filter(move |(band, _)| has_band(*band)).map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_lands_in_its_band() {
        let bands = [
            ("TRACE", vec!["trace", "Verbose", "1", "TRACE4"]),
            ("DEBUG", vec!["debug", "DBG", "5", "8"]),
            ("INFO", vec!["info", "Information", "notice", "INFO2", " INFO ", "12"]),
            ("WARN", vec!["warn", "WARNING", "wrn", "13", "16"]),
            ("ERROR", vec!["error", "ERR", "err", "severe", "alert", "20"]),
            ("FATAL", vec!["fatal", "CRITICAL", "crit", "panic", "emerg", "21", "24"]),
        ];
        for (level, spellings) in bands {
            for spelling in spellings {
                assert_eq!(Severity::parse(spelling).map(Severity::level_text), Ok(level), "{spelling}");
            }
        }
    }

    #[test]
    fn what_names_no_severity_is_an_error() {
        for text in ["", "0", "25", "-1", "INFO5", "loud", "1e1", "9.0", "ERR2"] {
            assert_eq!(Severity::parse(text), Err(UnknownSeverity), "{text}");
        }
    }

    #[test]
    fn sets_speak_of_whole_bands() {
        let warnings = SeveritySet::band_of(Severity(14));
        let numbers: Vec<u8> = (1..=24).filter(|n| warnings.contains(Severity(*n))).collect();
        assert_eq!(numbers, [13, 14, 15, 16]);

        let severe = SeveritySet::at_least(Severity(18));
        let numbers: Vec<u8> = (1..=24).filter(|n| severe.contains(Severity(*n))).collect();
        assert_eq!(numbers, [17, 18, 19, 20, 21, 22, 23, 24]);
        assert_eq!(severe.intersection(warnings), SeveritySet::NONE);
        assert_eq!(severe.union(warnings).difference(severe), warnings);
        assert!(severe.union(warnings).level_texts().eq(["WARN", "ERROR", "FATAL"]));
        assert!((1..=24).all(|n| SeveritySet::ALL.contains(Severity(n))));
    }
}
