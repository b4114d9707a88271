//! JSON objects and arrays of other formats, read member by member: the parser hands over a name, the reader takes the
//! value as what it wants. null stands for an absent value everywhere, as in the JSON mapping of Protocol Buffers.
//!
//! Texts are taken as they are sent and unescaped here: the parser gives up the whole body at half of a surrogate pair, which is
//! a fault of one record.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::error::DecodeError;
use super::escapes::unescaped;
use super::value::without_quotes;

/// What reads the members of an object.
pub(super) trait ReadMembers<'de> {
    /// What the object is, with its article.
    const EXPECTED: &'static str;

    /// Takes the value of a member, which has to be taken: [`ignore`] does it for one that is not wanted.
    ///
    /// # Errors
    /// The parser's.
    fn read_member<M: MapAccess<'de>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error>;

    /// Takes the value of a member whose name is no text, given as it was sent. Where names are no data it is one that is not
    /// wanted.
    ///
    /// # Errors
    /// The parser's.
    fn read_unnamed<M: MapAccess<'de>>(&mut self, _: &str, members: &mut M) -> Result<(), M::Error> {
        ignore(members)
    }
}

/// What reads the elements of an array.
pub(super) trait ReadElements<'de> {
    /// What the array is, with its article.
    const EXPECTED: &'static str;

    /// Takes the next element; `false`: there is none.
    ///
    /// # Errors
    /// The parser's.
    fn read_element<S: SeqAccess<'de>>(&mut self, elements: &mut S) -> Result<bool, S::Error>;
}

/// Reads an object by its members.
pub(super) struct Object<'r, R>(pub(super) &'r mut R);

/// Reads an array by its elements.
pub(super) struct Array<'r, R>(pub(super) &'r mut R);

/// Returns the text of a request, without a byte order mark.
///
/// # Errors
/// When it is not UTF-8, or null: everywhere inside that is an absent value, but a request is an object.
pub(super) fn request_text(body: &[u8]) -> Result<&str, DecodeError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| DecodeError::malformed(format!("the body has to be UTF-8: {error}")))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim() == "null" {
        return Err(DecodeError::malformed("the body has to be a JSON object, not null"));
    }
    Ok(text)
}

/// A text, borrowed from the body where it has no escapes; null is an empty one. What holds half of a surrogate pair is none,
/// and an error: the string as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Result<Cow<'a, str>, &'a str>);

/// A value that is no array and no object.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'a, str>),
    /// A string that is no text: it holds half of a surrogate pair.
    BrokenText,
}

/// Takes a member's value and forgets it.
pub(super) fn ignore<'de, M: MapAccess<'de>>(members: &mut M) -> Result<(), M::Error> {
    members.next_value::<IgnoredAny>().map(drop)
}

// === impl Object ===

impl<'de, R: ReadMembers<'de>> DeserializeSeed<'de> for Object<'_, R> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: ReadMembers<'de>> Visitor<'de> for Object<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(R::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    #[inline]
    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        while let Some(name) = members.next_key::<Text<'de>>()? {
            match name.0 {
                Ok(name) => self.0.read_member(&name, &mut members)?,
                Err(name) => self.0.read_unnamed(name, &mut members)?,
            }
        }
        Ok(())
    }
}

// === impl Array ===

impl<'de, R: ReadElements<'de>> DeserializeSeed<'de> for Array<'_, R> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: ReadElements<'de>> Visitor<'de> for Array<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(R::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    #[inline]
    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<(), S::Error> {
        while self.0.read_element(&mut elements)? {}
        Ok(())
    }
}

// === impl Text ===

impl<'a> Text<'a> {
    fn of_string(raw: &'a str) -> Self {
        let raw = without_quotes(raw);
        Self(unescaped(raw).ok_or(raw))
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self(Ok(Cow::Borrowed("")))
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes().first() {
            Some(b'"') => Ok(Self::of_string(raw)),
            Some(b'n') => Ok(Self::default()),
            _ => Err(D::Error::custom("expected a text")),
        }
    }
}

// === impl Scalar ===

impl Scalar<'_> {
    /// Reads a number as JSON spells it.
    fn of_number(raw: &str) -> Option<Self> {
        let unsigned = raw.parse().ok().map(Self::Unsigned);
        let whole = unsigned.or_else(|| raw.parse().ok().map(Self::Signed));
        whole.or_else(|| raw.parse().ok().map(Self::Float))
    }

    /// Returns the whole number that it is, as a number or in decimal digits; null is 0, as an absent number is.
    pub(super) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Null => Some(0),
            Self::Unsigned(number) => Some(*number),
            Self::Signed(number) => u64::try_from(*number).ok(),
            Self::Text(text) => text.parse().ok(),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is checked that the number is whole and within the range"
            )]
            Self::Float(number) if number.fract() == 0.0 && (0.0..1.8e19).contains(number) => {
                Some(*number as u64)
            }
            Self::Bool(_) | Self::Float(_) | Self::BrokenText => None,
        }
    }
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Signed(number) => number.fmt(f),
            Self::Float(number) => fmt::Debug::fmt(number, f),
            Self::Text(text) => f.write_str(text),
            Self::BrokenText => f.write_str("\u{fffd}"),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(match raw.as_bytes().first() {
            Some(b'"') => Text::of_string(raw).0.map_or(Self::BrokenText, Self::Text),
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'{' | b'[') => {
                return Err(D::Error::custom("expected a text, a number, true, false or null"));
            }
            _ => Self::of_number(raw).ok_or_else(|| D::Error::custom("expected a number"))?,
        })
    }
}
