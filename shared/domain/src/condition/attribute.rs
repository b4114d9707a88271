//! Tests on attributes: a path into JSON, and what has to be true of a value there.
//!
//! A path is names with dots between them. As a name may hold dots itself (`{"http.status":500}` is as usual as
//! `{"http":{"status":500}}`), every way to cut the path into names is tried. Of a list, any element may pass. A test
//! sees a text as it is meant, without its escapes, and a number or a truth value as it is written; `null` is no value.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{Interval, Number, TextTest};
use crate::TextMatch;
use crate::text::{fold, tokens_of_folded};

/// Where an attribute lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttributePath(String);

/// A test of an attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeTest {
    /// It is this text, in any case, or the number that the text is.
    Equals {
        /// Folded.
        text: String,
        /// The same as a number, if it is one.
        number: Option<Number>,
    },
    /// It is a number in this span; a text counts as the number that it is.
    Number(Interval<Number>),
    /// This is true of it as a text.
    Text(TextTest),
    /// It is there.
    Exists,
}

/// A value in JSON that is no object and no list.
enum Value<'a> {
    Text(Cow<'a, str>),
    /// A number or a truth value, as it is written.
    Plain(&'a str),
}

// === impl AttributePath ===

impl AttributePath {
    /// Makes a path. `None` for an empty one.
    #[must_use]
    pub fn new(path: &str) -> Option<Self> {
        (!path.is_empty()).then(|| Self(path.to_owned()))
    }

    /// Returns the path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last name of the path, when no name holds a dot: a text that every record has in its attributes,
    /// unless it is escaped there.
    #[must_use]
    pub fn last_name(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or_default()
    }

    /// Returns tokens of the attributes of every record that has it.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        tokens_of_folded(&fold(&self.0)).map(str::to_owned).collect()
    }
}

// === impl AttributeTest ===

impl AttributeTest {
    /// Tests whether a value is `text`.
    #[must_use]
    pub fn equals(text: &str) -> Self {
        Self::Equals { text: fold(text).into_owned(), number: Number::parse(text) }
    }

    /// Says whether it is true of a value at `path` in these attributes: the text of a JSON object, or nothing.
    #[must_use]
    pub fn matches(&self, path: &AttributePath, attributes: &str) -> bool {
        if attributes.is_empty() {
            return false;
        }
        any_at(attributes, path.as_str(), true, self)
    }

    /// Returns tokens of the attributes of every record of which it is true.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        match self {
            // A number may be written in many ways, but every filter holds an integer's plain digits.
            Self::Equals { number: Some(number), text } => match number.as_integer() {
                Some(integer) if integer.to_string() == *text => vec![integer.unsigned_abs().to_string()],
                _ => Vec::new(),
            },
            Self::Equals { text, number: None } => tokens_of_folded(text).map(str::to_owned).collect(),
            Self::Text(test) => test.tokens(),
            Self::Number(_) | Self::Exists => Vec::new(),
        }
    }

    /// Returns a text that every value holds of which it is true, where nothing is escaped: what a fast search can look
    /// for first.
    #[must_use]
    pub fn required(&self) -> Option<TextMatch> {
        match self {
            Self::Equals { text, number: None } => TextMatch::part(text),
            Self::Text(test) => test.required(),
            Self::Equals { .. } | Self::Number(_) | Self::Exists => None,
        }
    }

    fn is_true_of(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Exists, _) => true,
            (Self::Equals { text, .. }, Value::Text(value)) => fold(value) == *text,
            (Self::Equals { text, number }, Value::Plain(plain)) => {
                plain == text
                    || number
                        .is_some_and(|number| Number::parse(plain).is_some_and(|found| found.is_same(number)))
            }
            (Self::Number(interval), Value::Text(Cow::Borrowed(text)) | Value::Plain(text)) => {
                Number::parse(text).is_some_and(|number| interval.contains(&number))
            }
            (Self::Number(interval), Value::Text(Cow::Owned(text))) => {
                Number::parse(text).is_some_and(|number| interval.contains(&number))
            }
            (Self::Text(test), Value::Text(text)) => test.matches(text),
            (Self::Text(test), Value::Plain(plain)) => test.matches(plain),
        }
    }
}

/// Says whether the test is true of a value at `path` in an object.
fn any_at(object: &str, path: &str, is_top: bool, test: &AttributeTest) -> bool {
    // What is not JSON has no attributes: nothing else is ever stored.
    let Ok(members) = serde_json::from_str::<Members<'_>>(object) else { return false };
    members.0.iter().any(|(name, value)| {
        let is_at = |name: &str| match path.strip_prefix(name) {
            Some("") => any_of(value.get(), test),
            Some(rest) => rest.strip_prefix('.').is_some_and(|rest| any_below(value.get(), rest, test)),
            None => false,
        };
        is_at(name) || is_top && name.strip_prefix('@').is_some_and(is_at)
    })
}

/// Says whether the test is true of a value at `path` below an object, or below an object in a list.
fn any_below(json: &str, path: &str, test: &AttributeTest) -> bool {
    match json.as_bytes().first() {
        Some(b'{') => any_at(json, path, false, test),
        Some(b'[') => elements(json).iter().any(|element| any_below(element.get(), path, test)),
        _ => false,
    }
}

/// Says whether the test is true of this value, or of one in this list.
fn any_of(json: &str, test: &AttributeTest) -> bool {
    match json.as_bytes().first() {
        Some(b'{') => *test == AttributeTest::Exists,
        Some(b'[') if *test == AttributeTest::Exists => true,
        Some(b'[') => elements(json).iter().any(|element| any_of(element.get(), test)),
        Some(b'"') => {
            serde_json::from_str::<Text<'_>>(json).is_ok_and(|text| test.is_true_of(&Value::Text(text.0)))
        }
        Some(b'n') | None => false,
        Some(_) => test.is_true_of(&Value::Plain(json)),
    }
}

pub(super) fn elements(json: &str) -> Vec<&RawValue> {
    serde_json::from_str(json).unwrap_or_default()
}

/// A text, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The members of an object, in order; a name may be there twice.
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((name.0, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
