//! Attributes in the making: the members of one JSON object, each name once.

use std::collections::HashSet;

use domain::limits::RecordLimits;
use serde_json::value::RawValue;

use crate::decode::attributes::depth_of;
use crate::decode::escapes::has_lone_surrogate;

/// Members of a JSON object, in the order in which they were found; of one name, the first.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// A set, because a line may have very many.
    names: HashSet<String>,
    json: String,
    longest_value_bytes: usize,
    deepest: usize,
    has_broken_text: bool,
}

/// No record may have so many attributes, whatever its limits are.
const ATTRIBUTES_MAX: usize = 1024;

impl Members {
    /// Says whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns the text of the JSON object; empty if there is no member.
    pub(crate) fn to_json(&self) -> String {
        if self.json.is_empty() { String::new() } else { format!("{}}}", self.json) }
    }

    /// Says whether there are so many that no record may have them.
    pub(crate) fn is_full(&self) -> bool {
        self.names.len() > ATTRIBUTES_MAX
    }

    /// Adds a text.
    pub(crate) fn push_text(&mut self, name: &str, text: &str) {
        self.push_json(name, &json_of(text));
    }

    /// Adds a text if an attribute may hold it; says whether it may.
    pub(crate) fn push_text_within(&mut self, name: &str, text: &str, limits: &RecordLimits) -> bool {
        // Quotes alone make it too long: it is not written for nothing.
        if text.len() >= limits.attribute_value_bytes {
            return false;
        }
        let value = json_of(text);
        let is_within = value.len() <= limits.attribute_value_bytes;
        if is_within {
            self.push_json(name, &value);
        }
        is_within
    }

    /// Adds a number if the text is one as JSON spells it, and the text otherwise.
    pub(crate) fn push_number_or_text(&mut self, name: &str, text: &str) {
        /// Numbers of more digits lose some of them in most readers.
        const DIGITS_MAX: usize = 15;
        let is_number = text.len() <= DIGITS_MAX && serde_json::from_str::<serde_json::Number>(text).is_ok();
        if is_number { self.push_json(name, text) } else { self.push_text(name, text) }
    }

    /// Adds a value as it was sent.
    pub(crate) fn push_raw(&mut self, name: &str, value: &RawValue) {
        self.has_broken_text |= has_lone_surrogate(value.get());
        self.push_json(name, value.get());
    }

    /// Adds a value as it was sent, unless a record may not have it beside these.
    pub(crate) fn push_raw_within(&mut self, name: &str, value: &RawValue, limits: &RecordLimits) {
        let is_within = self.names.len() < limits.attributes
            && name.len() <= limits.attribute_name_bytes
            && value.get().len() <= limits.attribute_value_bytes
            && depth_of(value.get()) < limits.attributes_depth
            && !has_lone_surrogate(value.get());
        if is_within {
            self.push_json(name, value.get());
        }
    }

    fn push_json(&mut self, name: &str, value: &str) {
        if !self.names.insert(name.to_owned()) {
            return;
        }
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        self.json.push_str(&json_of(name));
        self.json.push(':');
        self.json.push_str(value);
        self.longest_value_bytes = self.longest_value_bytes.max(value.len());
        self.deepest = self.deepest.max(depth_of(value));
    }

    /// Says whether a record may have these attributes.
    pub(crate) fn are_within(&self, limits: &RecordLimits) -> bool {
        self.names.len() <= limits.attributes
            && self.names.iter().all(|name| name.len() <= limits.attribute_name_bytes)
            && self.longest_value_bytes <= limits.attribute_value_bytes
            && self.deepest < limits.attributes_depth
            && !self.has_broken_text
    }
}

fn json_of(text: &str) -> String {
    serde_json::to_string(text).expect("a text always becomes JSON")
}
