//! JSON objects and arrays of other formats, read member by member: the parser hands over a name, the reader takes the
//! value as what it wants. null stands for an absent value everywhere, as in the JSON mapping of Protocol Buffers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What reads the members of an object.
pub(super) trait ReadMembers<'de> {
    /// What the object is, with its article.
    const EXPECTED: &'static str;

    /// Takes the value of a member, which has to be taken: [`ignore`] does it for one that is not wanted.
    ///
    /// # Errors
    /// The parser's.
    fn read_member<M: MapAccess<'de>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error>;
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

/// A text, borrowed from the body where it has no escapes; null is an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

/// A value that is no array and no object.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'a, str>),
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
            self.0.read_member(&name.0, &mut members)?;
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

impl<'de> Deserialize<'de> for Text<'de> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }
}

// === impl Scalar ===

impl Scalar<'_> {
    /// Returns the whole number that it is, as a number or in decimal digits; null is 0, as an absent number is.
    pub(super) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Null => Some(0),
            Self::Unsigned(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is checked that the number is whole and within the range"
            )]
            Self::Float(number) if number.fract() == 0.0 && (0.0..1.8e19).contains(number) => {
                Some(*number as u64)
            }
            Self::Bool(_) | Self::Signed(_) | Self::Float(_) => None,
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
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true, false or null")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Signed(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Float(number))
    }
}
