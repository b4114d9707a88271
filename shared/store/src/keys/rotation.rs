//! Rotation: a key gets a successor that may do the same, and goes on working for a while beside it, so that whoever
//! holds it can change over.

use std::fmt;
use std::str::FromStr;

use domain::{Caller, MaxAge, Principal, Timestamp};
use thiserror::Error;

use super::{KeyDigest, KeyRecord, KeyState};

/// How long a key goes on working beside its successor, in whole seconds; also not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap(u64);

/// A text that is no overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a whole number and s, m, h, d or w, such as 24h, at most 100 years; 0s: not at all")]
pub struct InvalidOverlap;

/// A replacement to make.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The id of the key to replace.
    pub id: String,
    /// The id of its successor; unique.
    pub successor_id: String,
    /// The digest of its successor's text; unique.
    pub successor_digest: KeyDigest,
    /// When.
    pub at: Timestamp,
    /// How long the key goes on working, if it would.
    pub overlap: Overlap,
}

/// A replacement that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The key that was replaced, as it is now.
    pub replaced: KeyRecord,
    /// What replaces it.
    pub successor: KeyRecord,
}

/// What became of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotateOutcome {
    /// It is made.
    Rotated(Box<Rotated>),
    /// There is no key with this id that works.
    NotWorking,
    /// The key has a successor already: replace that one, or make a new key.
    AlreadyRotated,
    /// With the successor, its tenant would have more keys that work than it may have
    /// ([`KEYS_MAX`](domain::limits::KEYS_MAX)). Revoke one first, or choose no overlap.
    LimitReached,
}

// === impl Overlap ===

impl Overlap {
    /// Not at all.
    pub const NONE: Self = Self(0);

    /// A day: what a key gets unless something else is said.
    pub const DEFAULT: Self = Self(24 * 3600);

    /// Returns when a key that is replaced at `now` stops working.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Timestamp {
        // At most 3.2e15 microseconds, by the limit of an age.
        Timestamp::saturating_from_micros(now.as_micros().saturating_add(self.0.cast_signed() * 1_000_000))
    }
}

impl FromStr for Overlap {
    type Err = InvalidOverlap;

    fn from_str(text: &str) -> Result<Self, InvalidOverlap> {
        if text == "0s" {
            return Ok(Self::NONE);
        }
        MaxAge::parse(text).map(|age| Self(age.as_seconds())).map_err(|_| InvalidOverlap)
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match MaxAge::from_seconds(self.0) {
            Ok(age) => age.fmt(f),
            Err(_) => f.write_str("0s"),
        }
    }
}

// === impl Rotation ===

impl Rotation {
    /// Works out what becomes of a key, which has to be the one that is meant. An engine keeps the result.
    ///
    /// The successor has the same name, tenant, scopes and service, and from now on as long a life as the key was given,
    /// if it was given one. The key itself expires when the overlap ends, unless it does so earlier.
    ///
    /// # Errors
    /// [`RotateOutcome::NotWorking`] or [`RotateOutcome::AlreadyRotated`]: nothing is to be changed.
    pub fn of(&self, key: KeyRecord) -> Result<Rotated, RotateOutcome> {
        if key.state_at(self.at) != KeyState::Works {
            return Err(RotateOutcome::NotWorking);
        }
        // Its end was brought forward, so that its life no longer says how long the next one's is.
        if key.successor.is_some() {
            return Err(RotateOutcome::AlreadyRotated);
        }
        let lifetime = key.expires_at.map(|end| end.as_micros() - key.created_at.as_micros());
        let from_now = |micros| Timestamp::saturating_from_micros(self.at.as_micros().saturating_add(micros));
        let overlap_end = self.overlap.end(self.at);
        let successor = KeyRecord {
            id: self.successor_id.clone(),
            name: key.name.clone(),
            principal: Principal { caller: Caller::Key(self.successor_id.clone()), ..key.principal.clone() },
            created_at: self.at,
            expires_at: lifetime.map(from_now),
            revoked_at: None,
            last_used_at: None,
            successor: None,
        };
        let replaced = KeyRecord {
            expires_at: Some(key.expires_at.map_or(overlap_end, |end| end.min(overlap_end))),
            successor: Some(self.successor_id.clone()),
            ..key
        };
        Ok(Rotated { replaced, successor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_lengths_of_time_or_none() {
        let written = |text: &str| text.parse::<Overlap>().map(|overlap| overlap.to_string());
        assert_eq!(written("24h").as_deref(), Ok("1d"));
        assert_eq!(written("0s").as_deref(), Ok("0s"));
        assert_eq!(Overlap::DEFAULT.to_string(), "1d");
        for text in ["", "0", "24", "-1h", "1.5h", "soon", "99999w"] {
            assert_eq!(written(text), Err(InvalidOverlap), "{text}");
        }
    }
}
