//! `AnyValue` in the JSON mapping: an object whose one member says what kind of value it has, such as
//! `{"intValue":"42"}`. Written as in `any_value`.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::super::json_object::{Array, Object, ReadElements, ReadMembers, Scalar, Text, ignore};
use super::super::json_text::{JsonText, TextFault};
use super::super::members::NamedValues;

/// An `AnyValue` that is written while it is read.
pub(super) struct JsonValue<'j, 'a> {
    json: &'j mut JsonText,
    /// What it was, as far as somebody wants to know.
    pub(super) kind: JsonKind<'a>,
    /// Whether a text is kept instead of written.
    keeps_text: bool,
}

/// What kind of value it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JsonKind<'a> {
    Nothing,
    /// A text that is kept.
    Text(Cow<'a, str>),
    Object,
    Other,
}

/// An array of `KeyValue`s.
pub(super) struct KeyValues<'m, N>(pub(super) &'m mut N);

/// A `KeyValue`.
struct KeyValue<'m, 'a, N> {
    target: &'m mut N,
    is_begun: bool,
    is_done: bool,
    /// A value that came before its key.
    put_aside: Option<&'a RawValue>,
}

/// An `ArrayValue`, or its elements.
struct ArrayValue<'j>(&'j mut JsonText);

/// A `KeyValueList`.
struct KeyValueList<'j>(&'j mut JsonText);

// === impl JsonValue ===

impl<'j, 'a> JsonValue<'j, 'a> {
    /// Writes a value of any kind.
    pub(super) fn new(json: &'j mut JsonText) -> Self {
        Self { json, kind: JsonKind::Nothing, keeps_text: false }
    }

    /// Keeps a text, and writes a value of any other kind.
    pub(super) fn or_text(json: &'j mut JsonText) -> Self {
        Self { json, kind: JsonKind::Nothing, keeps_text: true }
    }

    /// Writes null if there was no value.
    fn complete(self) {
        if self.kind == JsonKind::Nothing {
            self.json.plain("null");
        }
    }

    /// Writes a double, which is a number, or a text for what no number says.
    fn write_double(&mut self, sent: &RawValue) {
        // From the text: the parser's own numbers may be off by the last bit.
        let text = sent.get().trim_matches('"');
        match text.parse() {
            _ if text == "null" => return,
            Ok(number) => self.json.double(number),
            Err(_) => self.json.string(text),
        }
        self.kind = JsonKind::Other;
    }

    /// Writes a value that is no array and no object, of the kind that its member's name says.
    fn write_scalar(&mut self, name: &str, value: Scalar<'a>) {
        self.kind = JsonKind::Other;
        match (name, value) {
            (_, Scalar::Null) => self.kind = JsonKind::Nothing,
            ("stringValue" | "string_value", Scalar::Text(text)) if self.keeps_text => {
                self.kind = JsonKind::Text(text);
            }
            ("intValue" | "int_value", Scalar::Text(text)) => match text.parse::<i64>() {
                Ok(number) => self.json.plain(number),
                Err(_) => self.json.string(&text),
            },
            (_, Scalar::Text(text)) => self.json.string(&text),
            (_, Scalar::BrokenText) => self.json.fail(TextFault::BrokenText),
            (_, Scalar::Float(number)) => self.json.double(number),
            (_, value) => self.json.plain(value),
        }
    }
}

impl<'a> ReadMembers<'a> for JsonValue<'_, 'a> {
    const EXPECTED: &'static str = "an AnyValue, which is an object";

    #[inline]
    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        if self.kind != JsonKind::Nothing {
            return ignore(members);
        }
        match name {
            "doubleValue" | "double_value" => self.write_double(members.next_value()?),
            "stringValue" | "string_value" | "bytesValue" | "bytes_value" | "boolValue" | "bool_value"
            | "intValue" | "int_value" => {
                self.write_scalar(name, members.next_value()?);
            }
            // Where an array or object is too deep nothing more is written, and the rest is only read.
            "arrayValue" | "array_value" => {
                self.kind = JsonKind::Other;
                self.json.open('[');
                members.next_value_seed(Object(&mut ArrayValue(self.json)))?;
                self.json.close(']');
            }
            "kvlistValue" | "kvlist_value" => {
                self.kind = JsonKind::Object;
                self.json.open('{');
                members.next_value_seed(Object(&mut KeyValueList(self.json)))?;
                self.json.close('}');
            }
            _ => ignore(members)?,
        }
        Ok(())
    }
}

impl<'a> ReadMembers<'a> for ArrayValue<'_> {
    const EXPECTED: &'static str = "an ArrayValue, which is an object";

    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        if name == "values" { members.next_value_seed(Array(self)) } else { ignore(members) }
    }
}

impl<'a> ReadElements<'a> for ArrayValue<'_> {
    const EXPECTED: &'static str = "an array of AnyValues";

    fn read_element<S: SeqAccess<'a>>(&mut self, elements: &mut S) -> Result<bool, S::Error> {
        let mut value = JsonValue::new(self.0);
        if elements.next_element_seed(Object(&mut value))?.is_none() {
            return Ok(false);
        }
        value.complete();
        Ok(true)
    }
}

impl<'a> ReadMembers<'a> for KeyValueList<'_> {
    const EXPECTED: &'static str = "a KeyValueList, which is an object";

    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        if name == "values" {
            members.next_value_seed(Array(&mut KeyValues(&mut *self.0)))
        } else {
            ignore(members)
        }
    }
}

// === impl KeyValues ===

impl<'a, N: NamedValues> ReadElements<'a> for KeyValues<'_, N> {
    const EXPECTED: &'static str = "an array of KeyValues";

    #[inline]
    fn read_element<S: SeqAccess<'a>>(&mut self, elements: &mut S) -> Result<bool, S::Error> {
        let mut member = KeyValue { target: &mut *self.0, is_begun: false, is_done: false, put_aside: None };
        if elements.next_element_seed(Object(&mut member))?.is_none() {
            return Ok(false);
        }
        member.complete().map_err(S::Error::custom)?;
        Ok(true)
    }
}

impl<'a, N: NamedValues> ReadMembers<'a> for KeyValue<'_, 'a, N> {
    const EXPECTED: &'static str = "a KeyValue, which is an object";

    #[inline]
    fn read_member<M: MapAccess<'a>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        match name {
            "key" if !self.is_begun => {
                match members.next_value::<Text<'a>>()?.0 {
                    Ok(key) => self.target.begin(&key),
                    Err(key) => {
                        self.target.begin(key);
                        self.target.value().fail(TextFault::BrokenText);
                    }
                }
                self.is_begun = true;
            }
            "value" if self.is_begun && !self.is_done => {
                let mut value = JsonValue::new(self.target.value());
                members.next_value_seed(Object(&mut value))?;
                value.complete();
                self.is_done = true;
            }
            "value" if !self.is_begun => self.put_aside = Some(members.next_value()?),
            _ => ignore(members)?,
        }
        Ok(())
    }
}

impl<N: NamedValues> KeyValue<'_, '_, N> {
    /// Ends the member, whatever of it was there.
    fn complete(self) -> serde_json::Result<()> {
        if !self.is_begun {
            self.target.begin("");
        }
        if !self.is_done {
            let mut value = JsonValue::new(self.target.value());
            // Each value that is put aside is read by a parser of its own, so only what is written bounds how deep they are.
            if let Some(json) = self.put_aside.filter(|_| value.json.fault().is_none()) {
                Object(&mut value).deserialize(&mut serde_json::Deserializer::from_str(json.get()))?;
            }
            value.complete();
        }
        self.target.end();
        Ok(())
    }
}
