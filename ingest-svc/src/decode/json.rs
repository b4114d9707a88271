//! JSON bodies: one object, an array of objects, or `{"logs":[...]}`.
//!
//! An array is decoded in one fast pass that takes an element for a record when it turns out to be an object.
//! Valid JSON can stop such a pass: half of a surrogate pair, a number that no `f64` holds, an unknown name
//! with escapes. So when it fails, a careful pass starts over: it splits the array into raw values and looks
//! at each alone. What fails then is broken JSON.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::builder::BatchBuilder;
use super::error::{DecodeError, Fault, shortened};
use super::escapes::unescaped;
use super::record::{Pass, ReadError, RecordSeed};
use super::value::Value;

/// What JSON allows between its tokens.
pub(super) const JSON_WHITESPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// What the beginning of a body says about the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    /// An object whose first member is `"logs"` with an array.
    Wrapper,
    Object,
    Other,
}

/// Decodes a body of content type `application/json`.
pub(super) fn decode_document<'a>(
    body: &'a str,
    builder: &mut BatchBuilder<'a, '_>,
) -> Result<(), DecodeError> {
    match shape_of(body) {
        Shape::Object => decode_object(body, builder),
        shape @ (Shape::Array | Shape::Wrapper) => decode_array(body, shape, builder),
        Shape::Other => Err(DecodeError::malformed(
            "the body has to be a JSON object, an array of objects, or {\"logs\":[...]}",
        )),
    }
}

fn shape_of(body: &str) -> Shape {
    fn behind<'t>(token: &str, text: &'t str) -> Option<&'t str> {
        text.trim_start_matches(JSON_WHITESPACE).strip_prefix(token)
    }
    if behind("[", body).is_some() {
        return Shape::Array;
    }
    let Some(members) = behind("{", body) else { return Shape::Other };
    let logs = behind("\"logs\"", members).and_then(|rest| behind(":", rest));
    match logs.and_then(|value| behind("[", value)) {
        Some(_) => Shape::Wrapper,
        None => Shape::Object,
    }
}

fn broken_json(error: &serde_json::Error) -> String {
    format!("the body is not valid JSON: {error}")
}

// === One object ===

fn decode_object<'a>(body: &'a str, builder: &mut BatchBuilder<'a, '_>) -> Result<(), DecodeError> {
    builder.start_record()?;
    builder.raw.read(body).map_err(|error| match error {
        ReadError::InRecord(error) => DecodeError::Malformed {
            index: Some(0),
            field: builder.raw.broken_at.map(shortened),
            detail: broken_json(&error),
        },
        ReadError::BehindRecord(error) => DecodeError::malformed(format!(
            "{}; one object per line is sent as application/x-ndjson",
            broken_json(&error)
        )),
    })?;
    match late_logs(builder) {
        None => builder.end_with_raw(),
        Some(_) if !builder.raw.is_one_unknown_field() => return Err(crowded_wrapper()),
        Some(array) => {
            builder.restart();
            return decode_array(array, Shape::Array, builder);
        }
    }
    Ok(())
}

/// Finds the array `logs` of a wrapper that [`shape_of`] does not see: behind another member, or with
/// escapes in its name.
fn late_logs<'a>(builder: &BatchBuilder<'a, '_>) -> Option<&'a str> {
    let is_logs = |name: &str| unescaped(name).is_some_and(|name| name == "logs");
    let mut arrays = builder.raw.unknown().iter().filter(|field| field.raw_value.starts_with('['));
    arrays.find(|field| is_logs(field.raw_name)).map(|field| field.raw_value)
}

fn crowded_wrapper() -> DecodeError {
    DecodeError::malformed(
        "an object with an array \"logs\" may have no other member: \
         put what belongs to a record into that record",
    )
}

// === Arrays ===

/// Why a pass ended early.
struct Failure {
    error: serde_json::Error,
    index: Option<usize>,
    field: Option<String>,
}

/// The array of records.
struct Elements<'b, 'a, 'c> {
    builder: &'b mut BatchBuilder<'a, 'c>,
    pass: Pass,
}

/// The object around the array of records.
struct Wrapper<'b, 'a, 'c>(Elements<'b, 'a, 'c>);

/// One element of the array.
struct Element<'b, 'a, 'c> {
    builder: &'b mut BatchBuilder<'a, 'c>,
    pass: Pass,
}

fn decode_array<'a>(
    body: &'a str,
    shape: Shape,
    builder: &mut BatchBuilder<'a, '_>,
) -> Result<(), DecodeError> {
    let Err(fast) = run_pass(body, shape, Pass::Fast, builder) else { return Ok(()) };
    if let Some(stop) = builder.stop.take() {
        return Err(stop);
    }
    builder.restart();
    let Err(careful) = run_pass(body, shape, Pass::Careful, builder) else { return Ok(()) };
    if let Some(stop) = builder.stop.take() {
        return Err(stop);
    }
    let place = |failure: &Failure| (failure.index, failure.error.line(), failure.error.column());
    let field = if place(&fast) == place(&careful) { fast.field } else { None };
    Err(DecodeError::Malformed { index: careful.index, field, detail: broken_json(&careful.error) })
}

fn run_pass<'a>(
    body: &'a str,
    shape: Shape,
    pass: Pass,
    builder: &mut BatchBuilder<'a, '_>,
) -> Result<(), Failure> {
    let mut json = serde_json::Deserializer::from_str(body);
    let elements = Elements { builder: &mut *builder, pass };
    let read = match shape {
        Shape::Wrapper => Wrapper(elements).deserialize(&mut json),
        _ => elements.deserialize(&mut json),
    };
    match read {
        Ok(()) => json.end().map_err(|error| Failure { error, index: None, field: None }),
        Err(error) => {
            let field = builder.raw.broken_at.map(shortened);
            Err(Failure { error, index: builder.last_started(), field })
        }
    }
}

// === impl Wrapper ===

impl<'de> DeserializeSeed<'de> for Wrapper<'_, 'de, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wrapper<'_, 'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with an array \"logs\"")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        let Elements { builder, pass } = self.0;
        members.next_key::<&RawValue>()?;
        members.next_value_seed(Elements { builder: &mut *builder, pass })?;
        if members.next_key::<&RawValue>()?.is_some() {
            builder.stop = Some(crowded_wrapper());
            return Err(M::Error::custom("stopped"));
        }
        Ok(())
    }
}

// === impl Elements ===

impl<'de> DeserializeSeed<'de> for Elements<'_, 'de, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_, 'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<(), S::Error> {
        let Elements { builder, pass } = self;
        while elements.next_element_seed(Element { builder: &mut *builder, pass })?.is_some() {}
        Ok(())
    }
}

// === impl Element ===

impl Element<'_, '_, '_> {
    #[cold]
    fn refuse<E>(self, sort: &str) -> Result<(), E> {
        self.builder.end_with_fault(Fault::not_an_object(sort));
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_, 'de, '_> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if let Err(stop) = self.builder.start_record() {
            self.builder.stop = Some(stop);
            return Err(D::Error::custom("stopped"));
        }
        if self.pass == Pass::Fast {
            return deserializer.deserialize_any(self);
        }
        let element = <&RawValue>::deserialize(deserializer)?.get();
        let Value::Object(record) = Value::of_raw(element) else {
            return self.refuse(Value::of_raw(element).kind());
        };
        self.builder.raw.read(record).map_err(D::Error::custom)?;
        self.builder.end_with_raw();
        Ok(())
    }
}

impl<'de> Visitor<'de> for Element<'_, 'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    #[inline]
    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        RecordSeed(&mut self.builder.raw, Pass::Fast).visit_map(map)?;
        self.builder.end_with_raw();
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<(), S::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        self.refuse("an array")
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.refuse("a text")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.refuse("true or false")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.refuse("null")
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.refuse("a number")
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.refuse("a number")
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.refuse("a number")
    }
}
