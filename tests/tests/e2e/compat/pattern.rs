//! What an answer has to look like, where not all of it is known.
//!
//! `"<id>"` is an integer from 1 on, `"<time>"` a time in UTC, `"<number>"` a number, `"<text>"` a text that is not empty.
//! An object has exactly the members that are expected, unless one of them is `"...": "..."`: then it may have more. In a
//! header or a line, `*` is any text.

use serde_json::Value;

/// The member that allows others.
const MORE: &str = "...";

/// Notes where `found` is not what `expected` describes.
pub(super) fn compare(expected: &Value, found: &Value, place: &str, faults: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, value) in expected.iter().filter(|(name, _)| *name != MORE) {
                match found.get(name) {
                    Some(found) => compare(value, found, &format!("{place}/{name}"), faults),
                    None => faults.push(format!("{place}/{name} is not there")),
                }
            }
            let others = found.keys().filter(|name| !expected.contains_key(*name));
            if !expected.contains_key(MORE) {
                faults.extend(others.map(|name| format!("{place}/{name} is there")));
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(expected, found, &format!("{place}/{index}"), faults);
            }
        }
        _ if fits(expected, found) => {}
        _ => faults.push(format!("{place} is {found}, not {expected}")),
    }
}

fn fits(expected: &Value, found: &Value) -> bool {
    match expected.as_str() {
        Some("<id>") => found.as_i64().is_some_and(|id| id >= 1),
        Some("<time>") => {
            found.as_str().is_some_and(|time| time.ends_with('Z') && domain::Timestamp::parse(time).is_ok())
        }
        Some("<number>") => found.is_number(),
        Some("<text>") => found.as_str().is_some_and(|text| !text.is_empty()),
        _ => expected == found,
    }
}

/// Says whether a text is what a pattern describes.
pub(super) fn fits_text(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[test]
fn patterns_fit_what_they_describe_and_nothing_else() {
    use serde_json::json;

    let faults = |expected: &Value, found: &Value| {
        let mut faults = Vec::new();
        compare(expected, found, "", &mut faults);
        faults.len()
    };
    let log = json!({"id": 5, "at": "2025-04-01T12:00:00Z", "n": 1.5, "tags": ["a", "b"]});
    let cases = [
        (json!({"id": "<id>", "at": "<time>", "n": "<number>", "tags": ["<text>", "b"]}), 0),
        (json!({"id": 5, "...": "..."}), 0),
        (json!({"id": 5}), 3),
        (json!({"id": 6, "...": "..."}), 1),
        (json!({"at": "<id>", "...": "..."}), 1),
        (json!({"id": "<time>", "...": "..."}), 1),
        (json!({"tags": ["a"], "...": "..."}), 1),
        (json!({"missing": "<text>", "...": "..."}), 1),
    ];
    for (expected, count) in cases {
        assert_eq!(faults(&expected, &log), count, "{expected}");
    }
    assert!(
        fits_text("a*c", "abc") && fits_text("*", "") && fits_text("a", "a") && fits_text("*b*d", "abcd")
    );
    assert!(
        !fits_text("a", "ab") && !fits_text("a*c", "ab") && !fits_text("b*", "ab") && !fits_text("*x*", "ab")
    );
}
