//! Writes JSON with its keys in a fixed order, whatever order the parser kept: a committed document must not
//! change unless its meaning does.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The members of a document that come first, in their usual order; all others follow by name.
const FIRST: [&str; 6] = ["openapi", "info", "servers", "tags", "paths", "components"];

struct Sorted<'a> {
    value: &'a Value,
    is_document: bool,
}

/// Returns the text of a document, indented, with a newline at its end.
pub(super) fn write_sorted(document: &Value) -> String {
    let sorted = Sorted { value: document, is_document: true };
    let mut text = serde_json::to_string_pretty(&sorted).expect("a JSON value always becomes JSON");
    text.push('\n');
    text
}

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = |value| Sorted { value, is_document: false };
        match self.value {
            Value::Array(items) => serializer.collect_seq(items.iter().map(inner)),
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| (self.rank(name), name.as_str()));
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, &inner(value))?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

impl Sorted<'_> {
    fn rank(&self, name: &str) -> usize {
        let place = FIRST.iter().position(|first| *first == name);
        place.filter(|_| self.is_document).unwrap_or(FIRST.len())
    }
}
