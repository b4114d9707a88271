//! Reading attributes: the values at a path, and every path there is. Paths mean what they mean to a test, which
//! finds a record by exactly the values that are read here.

use std::borrow::Cow;

use super::AttributePath;
use super::attribute::{Members, Text, elements};

/// A value in a record's attributes that is no object and no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue<'a> {
    /// A text, without its escapes.
    Text(Cow<'a, str>),
    /// A number, as it is written.
    Number(&'a str),
    /// `true` or `false`.
    Truth(&'a str),
}

impl<'a> AttributeValue<'a> {
    /// Returns the value as a text, as a test compares it.
    #[must_use]
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Number(plain) | Self::Truth(plain) => plain,
        }
    }

    /// Returns what JSON calls its type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Number(_) => "number",
            Self::Truth(_) => "boolean",
        }
    }

    /// Reads a value that is no object, no list and not null.
    fn read(json: &'a str) -> Option<Self> {
        match json.as_bytes().first()? {
            b'"' => serde_json::from_str::<Text<'a>>(json).ok().map(|text| Self::Text(text.0)),
            b't' | b'f' => Some(Self::Truth(json)),
            b'-' | b'0'..=b'9' => Some(Self::Number(json)),
            _ => None,
        }
    }
}

/// Returns the values at `path` in these attributes: the text of a JSON object, or nothing. Of a list, all its
/// elements; objects and `null` are no values.
#[must_use]
pub fn values_at<'a>(path: &AttributePath, attributes: &'a str) -> Vec<AttributeValue<'a>> {
    let mut values = Vec::new();
    if !attributes.is_empty() {
        collect_at(attributes, path.as_str(), true, &mut values);
    }
    values
}

/// Visits every value in these attributes, with its path: the names that lead to it, with dots between them.
pub fn for_each_value<'a>(attributes: &'a str, visit: &mut dyn FnMut(&str, AttributeValue<'a>)) {
    if !attributes.is_empty() {
        visit_below(attributes, &mut String::new(), visit);
    }
}

fn collect_at<'a>(object: &'a str, path: &str, is_top: bool, values: &mut Vec<AttributeValue<'a>>) {
    let Ok(members) = serde_json::from_str::<Members<'a>>(object) else { return };
    for (name, value) in members.0 {
        let mut collect = |name: &str| match path.strip_prefix(name) {
            Some("") => collect_of(value.get(), values),
            Some(rest) => {
                if let Some(rest) = rest.strip_prefix('.') {
                    collect_below(value.get(), rest, values);
                }
            }
            None => {}
        };
        collect(&name);
        if let Some(name) = name.strip_prefix('@').filter(|_| is_top) {
            collect(name);
        }
    }
}

/// Collects what is at `path` below an object, or below the objects of a list.
fn collect_below<'a>(json: &'a str, path: &str, values: &mut Vec<AttributeValue<'a>>) {
    match json.as_bytes().first() {
        Some(b'{') => collect_at(json, path, false, values),
        Some(b'[') => elements(json).iter().for_each(|element| collect_below(element.get(), path, values)),
        _ => {}
    }
}

/// Collects a value, or those of a list.
fn collect_of<'a>(json: &'a str, values: &mut Vec<AttributeValue<'a>>) {
    match json.as_bytes().first() {
        Some(b'[') => elements(json).iter().for_each(|element| collect_of(element.get(), values)),
        _ => values.extend(AttributeValue::read(json)),
    }
}

fn visit_below<'a>(json: &'a str, path: &mut String, visit: &mut dyn FnMut(&str, AttributeValue<'a>)) {
    match json.as_bytes().first() {
        Some(b'{') => {
            let Ok(members) = serde_json::from_str::<Members<'a>>(json) else { return };
            for (name, value) in members.0 {
                let parent = path.len();
                if parent > 0 {
                    path.push('.');
                }
                path.push_str(&name);
                visit_below(value.get(), path, visit);
                path.truncate(parent);
            }
        }
        Some(b'[') => elements(json).iter().for_each(|element| visit_below(element.get(), path, visit)),
        // A name may be empty, a path may not: no query could name it.
        _ if path.is_empty() => {}
        _ => {
            if let Some(value) = AttributeValue::read(json) {
                visit(path, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::AttributeTest;

    const ATTRIBUTES: &str = r#"{"code":"E503","http":{"status":503,"tags":["a","B",["c"],null]},"http.status":"504",
        "list":[{"n":1},{"n":"two"},3],"path":"C:\\tmp","@v":7,"v":"x","ok":false,"none":null,"deep":{"@v":8,"":{"a":1}},
        "code":5e2,"emptyobject":{},"emptylist":[]}"#;

    fn at(path: &str) -> Vec<String> {
        let path = AttributePath::new(path).unwrap();
        values_at(&path, ATTRIBUTES).iter().map(|value| value.as_text().to_owned()).collect()
    }

    #[test]
    fn every_value_at_a_path_is_read_however_its_names_are_cut() {
        let cases: [(&str, &[&str]); 15] = [
            ("code", &["E503", "5e2"]),
            ("http.status", &["503", "504"]),
            ("http.tags", &["a", "B", "c"]),
            ("list.n", &["1", "two"]),
            ("list", &["3"]),
            ("path", &["C:\\tmp"]),
            ("v", &["7", "x"]),
            ("@v", &["7"]),
            ("ok", &["false"]),
            ("none", &[]),
            ("http", &[]),
            ("deep.v", &[]),
            ("deep.@v", &["8"]),
            ("Code", &[]),
            ("emptylist", &[]),
        ];
        for (path, expected) in cases {
            assert_eq!(at(path), expected, "{path}");
        }
        let path = AttributePath::new("a").unwrap();
        assert!(values_at(&path, "").is_empty() && values_at(&path, "{}").is_empty());
    }

    #[test]
    fn what_is_visited_can_be_read_at_its_path_and_found_by_a_test() {
        let mut visited = Vec::new();
        for_each_value(ATTRIBUTES, &mut |path, value| {
            visited.push(format!("{path} {} {}", value.type_name(), value.as_text()));
            assert!(at(path).iter().any(|text| text == value.as_text()), "{path}");
            let path = AttributePath::new(path).unwrap();
            assert!(AttributeTest::equals(value.as_text()).matches(&path, ATTRIBUTES), "{path:?}");
        });
        let expected = [
            "code string E503",
            "http.status number 503",
            "http.tags string a",
            "http.tags string B",
            "http.tags string c",
            "http.status string 504",
            "list.n number 1",
            "list.n string two",
            "list number 3",
            "path string C:\\tmp",
            "@v number 7",
            "v string x",
            "ok boolean false",
            "deep.@v number 8",
            "deep..a number 1",
            "code number 5e2",
        ];
        assert_eq!(visited, expected);
    }
}
