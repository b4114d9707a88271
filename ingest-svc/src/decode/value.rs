//! One JSON value, as the rules of the fields look at it.
//!
//! It is made in two ways that agree: from a slice of the body ([`Value::of_raw`]), which takes any valid
//! JSON, or while the body is parsed ([`FastValue`]), which is faster for texts but stops at a number that
//! no `f64` holds and at half of a surrogate pair.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::escapes::unescaped;

/// A value, borrowed from the body where that is possible.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Value<'a> {
    /// Missing or null, which mean the same.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    /// A string that is no text: it holds half of a surrogate pair.
    BrokenText,
    /// A number as JSON spells it.
    Number(Cow<'a, str>),
    /// An object as sent; only from [`Value::of_raw`].
    Object(&'a str),
    /// A value that no field takes, as a noun with its article.
    Other(&'static str),
}

/// Reads a value while the body is parsed.
pub(super) struct FastValue;

// === impl Value ===

impl<'a> Value<'a> {
    /// Makes a value of valid JSON without white space around it.
    #[inline]
    pub(super) fn of_raw(raw: &'a str) -> Self {
        match raw.as_bytes().first() {
            Some(b'"') => unescaped(without_quotes(raw)).map_or(Self::BrokenText, Self::Text),
            Some(b'n') => Self::Absent,
            Some(b'{') => Self::Object(raw),
            Some(b'[') => Self::Other("an array"),
            Some(b't' | b'f') => Self::Other("true or false"),
            _ => Self::Number(Cow::Borrowed(raw)),
        }
    }

    /// Returns what kind of value it is, as a noun with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Absent => "null",
            Self::Text(_) | Self::BrokenText => "a text",
            Self::Number(_) => "a number",
            Self::Object(_) => "an object",
            Self::Other(kind) => kind,
        }
    }
}

/// Returns what stands between the quotes of a JSON string.
pub(super) fn without_quotes(raw: &str) -> &str {
    raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw)
}

// === impl FastValue ===

impl<'de> DeserializeSeed<'de> for FastValue {
    type Value = Value<'de>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FastValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Absent)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        // The `Debug` spelling keeps the `.0` that tells 9.0 from the integer 9.
        Ok(Value::Number(Cow::Owned(format!("{number:?}"))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other("true or false"))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<Value<'de>, S::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an array"))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Value<'de>, M::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an object"))
    }
}
