//! Cleaning a generated document.
//!
//! poem-openapi describes a reference with a doc comment as `allOf: [reference, comment]` with the comment
//! outside as well, and an optional parameter with `default: null`. The first stops client generators, the
//! second is not valid. A reference alone stays a reference; with a comment it becomes `allOf: [reference]`
//! beside the comment, which all of them take. The marks of declared scopes become sentences.
//!
//! It also leaves out that a member that may be missing may be null.

use serde_json::{Map, Number, Value, json};
use thiserror::Error;

use super::declared::describe_scopes;
use super::writer::write_sorted;

/// Why a text is no document.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// It is not JSON.
    #[error("not a JSON document")]
    NotJson(#[from] serde_json::Error),
    /// Two documents mean different things by one name.
    #[error("both documents have {section} {name}, and they differ")]
    Conflict {
        /// Where.
        section: &'static str,
        /// The name.
        name: String,
    },
}

/// Members whose values are data, not schemas: they are left as they are.
const DATA: [&str; 4] = ["example", "examples", "enum", "default"];

/// Cleans a document that poem-openapi wrote, and writes it with its keys in a fixed order.
///
/// # Errors
/// [`DocumentError::NotJson`].
pub fn finish_document(document: &str) -> Result<String, DocumentError> {
    let mut document: Value = serde_json::from_str(document)?;
    clean(&mut document);
    describe_scopes(&mut document);
    Ok(write_sorted(&document))
}

fn clean(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(members) => {
            if members.get("default").is_some_and(Value::is_null) {
                members.remove("default");
            }
            for (name, member) in members.iter_mut() {
                if !DATA.contains(&name.as_str()) {
                    clean(member);
                }
            }
            collapse_all_of(members);
            allow_nulls(members);
        }
        Value::Number(number) => make_whole(number),
        _ => {}
    }
}

/// Writes `1.0` as `1`: poem-openapi knows no whole bounds, and generators take no others for integers.
fn make_whole(number: &mut Number) {
    /// From here on a floating-point number no longer says which whole number it means.
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

    if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT_BELOW) {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
        let whole = float as i64;
        *number = Number::from(whole);
    }
}

/// Leaves of `allOf: [reference, what is outside as well]` the reference and what is outside.
fn collapse_all_of(schema: &mut Map<String, Value>) {
    let Some(Value::Array(parts)) = schema.get("allOf") else { return };
    let Some(reference) = parts.first().filter(|part| part.get("$ref").is_some()).cloned() else { return };
    let is_outside = |(name, value): (&String, &Value)| schema.get(name) == Some(value);
    let is_repetition = |part: &Value| part.as_object().is_some_and(|part| part.iter().all(is_outside));
    if !parts.iter().skip(1).all(is_repetition) {
        return;
    }
    if schema.len() == 1
        && let Value::Object(reference) = reference
    {
        *schema = reference;
        return;
    }
    schema.insert("allOf".to_owned(), Value::Array(vec![reference]));
}

/// Says of every member that is not required that it may be null: in an answer it is, where there is nothing to say, and in a
/// request that is the same as to leave it out. Both are told by their members' being read-only or write-only.
fn allow_nulls(schema: &mut Map<String, Value>) {
    let required = schema.get("required").cloned();
    let is_required = |name: &str| {
        let names = required.as_ref().and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|required| required == name))
    };
    let Some(Value::Object(members)) = schema.get_mut("properties") else { return };
    let is_on = |member: &Value, name: &str| member.get(name) == Some(&Value::Bool(true));
    if !members.values().any(|member| is_on(member, "readOnly") || is_on(member, "writeOnly")) {
        return;
    }
    let optional = members.iter_mut().filter(|(name, _)| !is_required(name));
    for member in optional.filter_map(|(_, member)| member.as_object_mut()) {
        // Beside a reference nothing counts.
        if let Some(reference) = member.remove("$ref") {
            member.insert("allOf".to_owned(), json!([{"$ref": reference}]));
        }
        member.insert("nullable".to_owned(), Value::Bool(true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(mut value: Value) -> Value {
        clean(&mut value);
        value
    }

    #[test]
    fn a_reference_that_only_lost_its_default_is_a_reference_again() {
        let generated = json!({"schema": {"allOf": [{"$ref": "#/x"}, {"default": null}], "default": null}});
        assert_eq!(cleaned(generated), json!({"schema": {"$ref": "#/x"}}));
    }

    #[test]
    fn a_reference_with_a_comment_keeps_both() {
        let generated = json!({"allOf": [{"$ref": "#/x"}, {"description": "why"}], "description": "why"});
        assert_eq!(cleaned(generated), json!({"allOf": [{"$ref": "#/x"}], "description": "why"}));
    }

    #[test]
    fn what_really_is_a_combination_stays_one() {
        let combination = json!({"allOf": [{"$ref": "#/x"}, {"type": "object", "required": ["a"]}]});
        assert_eq!(cleaned(combination.clone()), combination);
    }

    #[test]
    fn what_may_be_missing_may_be_null() {
        let answer = json!({"required": ["id"], "properties": {
            "id": {"type": "integer", "readOnly": true},
            "host": {"type": "string", "readOnly": true},
            "times": {"$ref": "#/x"}}});
        let expected = json!({"required": ["id"], "properties": {
            "id": {"type": "integer", "readOnly": true},
            "host": {"type": "string", "readOnly": true, "nullable": true},
            "times": {"allOf": [{"$ref": "#/x"}], "nullable": true}}});
        assert_eq!(cleaned(answer), expected);
        let question = json!({"properties": {"host": {"type": "string", "writeOnly": true}}});
        assert_eq!(cleaned(question)["properties"]["host"]["nullable"], true);
        let neither = json!({"properties": {"host": {"type": "string"}}});
        assert_eq!(cleaned(neither.clone()), neither);
    }

    #[test]
    fn data_is_left_as_it_is() {
        let data =
            json!({"example": {"default": null, "allOf": [{"$ref": "#/x"}]}, "default": {"default": null}});
        assert_eq!(cleaned(data.clone()), data);
    }

    #[test]
    fn whole_bounds_are_written_as_whole_numbers() {
        let generated = json!({"minimum": 1.0, "maximum": 0.5, "example": 2.0});
        assert_eq!(cleaned(generated).to_string(), r#"{"example":2.0,"maximum":0.5,"minimum":1}"#);
    }

    #[test]
    fn a_document_is_written_in_a_fixed_order_with_a_newline_at_its_end() {
        let text = r#"{"paths":{"/b":{},"/a":{}},"info":{"version":"1","title":"t"},"openapi":"3.0.0"}"#;
        let finished = finish_document(text).unwrap();
        let places: Vec<_> = ["openapi", "info", "title", "version", "paths", "/a", "/b"]
            .map(|key| finished.find(&format!("\"{key}\"")).unwrap())
            .into();
        assert!(places.is_sorted(), "{finished}");
        assert!(finished.ends_with("}\n"));
        assert_eq!(finish_document(&finished).unwrap(), finished);
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        assert!(matches!(finish_document("{"), Err(DocumentError::NotJson(_))));
    }
}
