//! The rules of attributes, and how unknown top-level fields join the `attributes` object.
//!
//! Attributes stay the JSON text that was sent, byte for byte; they are only walked over, without recursion
//! and without being unescaped. The text's syntax is known to be valid.

use std::borrow::Cow;
use std::collections::HashSet;

use domain::limits::RecordLimits;

use super::error::{Fault, codes, shortened};
use super::escapes::{has_escape, has_lone_surrogate, unescaped};
use super::fields::{lone_surrogate, wrong_type};
use super::json::JSON_WHITESPACE;
use super::record::{Field, UnknownField};
use super::value::Value;

/// Checks and joins the attributes of one record after the other; its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct AttributeMerge<'a> {
    raw_names: Vec<&'a str>,
    merged: String,
}

// === impl AttributeMerge ===

impl<'a> AttributeMerge<'a> {
    /// Returns the attributes of a record as the text of one JSON object, empty if there are none: the
    /// members of `object`, then the unknown fields.
    #[inline]
    pub(super) fn merge(
        &mut self,
        object: &Value<'a>,
        unknown: &[UnknownField<'a>],
        limits: &RecordLimits,
    ) -> Result<&str, Fault> {
        let object = match object {
            Value::Absent if unknown.is_empty() => return Ok(""),
            Value::Absent => "{}",
            Value::Object(object) => object,
            other => return Err(wrong_type(Field::Attributes, "an object", other)),
        };
        self.raw_names.clear();
        self.check_members(object, limits)?;
        self.check_unknown(unknown, limits)?;
        check_distinct(&self.raw_names)?;
        if self.raw_names.is_empty() {
            return Ok("");
        }
        if unknown.is_empty() {
            return Ok(object);
        }
        self.merged.clear();
        join(object, unknown, &mut self.merged);
        Ok(&self.merged)
    }

    fn check_members(&mut self, object: &'a str, limits: &RecordLimits) -> Result<(), Fault> {
        let mut rest = &object[1..];
        while let Some((raw_name, raw_value, depth, after)) = next_member(rest) {
            let field = |name: &str| format!("{}.{}", Field::Attributes.name(), shortened(name));
            let checked = self.check_attribute(raw_name, raw_value, depth, limits);
            checked.map_err(|fault| fault.into_fault(field, limits))?;
            rest = after;
        }
        Ok(())
    }

    fn check_unknown(&mut self, unknown: &[UnknownField<'a>], limits: &RecordLimits) -> Result<(), Fault> {
        for UnknownField { raw_name, raw_value } in unknown {
            let (_, depth) = walk_value(raw_value);
            let checked = self.check_attribute(raw_name, raw_value, depth, limits);
            checked.map_err(|fault| fault.into_fault(shortened, limits))?;
        }
        Ok(())
    }

    #[inline]
    fn check_attribute(
        &mut self,
        raw_name: &'a str,
        raw_value: &'a str,
        depth: usize,
        limits: &RecordLimits,
    ) -> Result<(), AttributeFault<'a>> {
        let fault = |kind| Err(AttributeFault { raw_name, kind });
        let name_max_bytes = limits.attribute_name_bytes;
        let name_is_long = || unescaped(raw_name).is_some_and(|name| name.len() > name_max_bytes);
        if self.raw_names.len() >= limits.attributes {
            return fault(FaultKind::TooMany);
        }
        if raw_name.len() > name_max_bytes && name_is_long() {
            return fault(FaultKind::LongName);
        }
        if raw_value.len() > limits.attribute_value_bytes {
            return fault(FaultKind::LongValue(raw_value.len()));
        }
        if depth >= limits.attributes_depth {
            return fault(FaultKind::TooDeep);
        }
        if has_lone_surrogate(raw_name) || has_lone_surrogate(raw_value) {
            return fault(FaultKind::LoneSurrogate);
        }
        self.raw_names.push(raw_name);
        Ok(())
    }
}

/// A fault of one attribute, small enough to be returned from a hot loop.
struct AttributeFault<'a> {
    raw_name: &'a str,
    kind: FaultKind,
}

enum FaultKind {
    TooMany,
    LongName,
    LongValue(usize),
    TooDeep,
    LoneSurrogate,
}

// === impl AttributeFault ===

impl AttributeFault<'_> {
    #[cold]
    fn into_fault(self, field: impl Fn(&str) -> String, limits: &RecordLimits) -> Fault {
        let name = unescaped(self.raw_name).unwrap_or(Cow::Borrowed(self.raw_name));
        let field = field(&name);
        let (code, detail) = match self.kind {
            FaultKind::TooMany => {
                let limit = limits.attributes;
                let detail = format!("a record has at most {limit} attributes, unknown fields included");
                return Fault::of(Field::Attributes.name(), codes::TOO_MANY_ATTRIBUTES, detail);
            }
            FaultKind::LoneSurrogate => return lone_surrogate(&field),
            FaultKind::LongName => (
                codes::TOO_LONG,
                format!(
                    "an attribute's name has {} bytes of UTF-8, at most {} are accepted",
                    name.len(),
                    limits.attribute_name_bytes
                ),
            ),
            FaultKind::LongValue(bytes) => (
                codes::TOO_LONG,
                format!(
                    "{field} has {bytes} bytes of JSON, at most {} are accepted",
                    limits.attribute_value_bytes
                ),
            ),
            FaultKind::TooDeep => (
                codes::TOO_DEEP,
                format!(
                    "{field} is nested too deep: attributes have at most {} levels, their object included",
                    limits.attributes_depth
                ),
            ),
        };
        Fault::of(&field, code, detail)
    }
}

/// Writes the members of `object` and the unknown fields as one object.
fn join(object: &str, unknown: &[UnknownField<'_>], merged: &mut String) {
    let members = object[..object.len() - 1].trim_end_matches(JSON_WHITESPACE);
    merged.push_str(members);
    for UnknownField { raw_name, raw_value } in unknown {
        let separator = if merged.len() == 1 { "\"" } else { ",\"" };
        for part in [separator, raw_name, "\":", raw_value] {
            merged.push_str(part);
        }
    }
    merged.push('}');
}

/// Checks that no attribute has the name of another.
fn check_distinct(raw_names: &[&str]) -> Result<(), Fault> {
    /// Up to so many names, comparing each with each is cheaper than a set.
    const COMPARED_ONE_BY_ONE: usize = 16;

    let is_plain = |name: &&str| !has_escape(name);
    if raw_names.len() <= COMPARED_ONE_BY_ONE && raw_names.iter().all(is_plain) {
        let again = (1..raw_names.len()).find(|i| raw_names[..*i].contains(&raw_names[*i]));
        return again.map_or(Ok(()), |i| Err(duplicate(raw_names[i])));
    }
    let mut seen = HashSet::with_capacity(raw_names.len());
    for raw_name in raw_names {
        let name = unescaped(raw_name).unwrap_or(Cow::Borrowed(raw_name));
        if seen.contains(&name) {
            return Err(duplicate(&name));
        }
        seen.insert(name);
    }
    Ok(())
}

#[cold]
fn duplicate(name: &str) -> Fault {
    let detail =
        format!("the attribute \"{}\" is given twice; unknown fields count as attributes", shortened(name));
    Fault::of(&format!("{}.{}", Field::Attributes.name(), shortened(name)), codes::DUPLICATE_FIELD, detail)
}

/// Splits off the first member of the rest of an object: its raw name without quotes, its raw value, the
/// depth of the value, and what follows it. `None` at the end of the object.
#[inline]
pub(super) fn next_member(rest: &str) -> Option<(&str, &str, usize, &str)> {
    let rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
    if !rest.starts_with('"') {
        return None;
    }
    let (name_end, _) = walk_value(rest);
    let (name, rest) = rest.split_at(name_end);
    let value = rest.trim_start_matches([' ', '\t', '\r', '\n', ':']);
    let (value_end, depth) = walk_value(value);
    let (value, after) = value.split_at(value_end);
    Some((&name[1..name.len() - 1], value, depth, after))
}

/// Returns how deep a JSON value is: 0 for a scalar.
pub(super) fn depth_of(value: &str) -> usize {
    walk_value(value).1
}

/// Returns where the JSON value at the start of `text` ends, and how deep it is: 0 for a scalar.
#[inline]
fn walk_value(text: &str) -> (usize, usize) {
    let bytes = text.as_bytes();
    let (mut at, mut level, mut depth) = (0, 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at + 1),
            b'{' | b'[' => {
                level += 1;
                depth = depth.max(level);
                at += 1;
            }
            b'}' | b']' if level > 0 => {
                level -= 1;
                at += 1;
            }
            b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' if level == 0 => return (at, depth),
            _ => {
                at += 1;
                continue;
            }
        }
        if level == 0 {
            return (at, depth);
        }
    }
    (bytes.len(), depth)
}

/// Returns the place behind the closing quote of the string that goes on at `from`.
#[inline]
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}
