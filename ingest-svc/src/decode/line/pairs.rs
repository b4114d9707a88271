//! logfmt: `level=info msg="it is done" duration=12`.

use std::borrow::Cow;

use super::Line;
use super::object::Fields;

/// Least pairs of a line, so that a sentence with one `a=b` in it is none.
const PAIRS_MIN: usize = 2;

/// Most pairs that are looked at.
const PAIRS_MAX: usize = 1024;

/// Reads a line that is nothing but pairs.
pub(super) fn parse(line: &str) -> Option<Line<'_>> {
    let mut pairs = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (pair, after) = next_pair(rest)?;
        pairs.push(pair);
        if pairs.len() > PAIRS_MAX {
            return None;
        }
        rest = after.trim_start();
    }
    if pairs.len() < PAIRS_MIN {
        return None;
    }
    let mut fields = Fields::default();
    for (name, value) in pairs {
        fields.take_word(name, value);
    }
    Some(fields.into_line(line))
}

/// Splits off a pair: a name, `=`, and a word or a quoted text.
fn next_pair(text: &str) -> Option<((&str, Cow<'_, str>), &str)> {
    let (name, rest) = text.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '@'))
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/' | b'@'));
    if !is_name {
        return None;
    }
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (value, after) = rest.split_at(end);
        return (!value.contains('"')).then_some(((name, Cow::Borrowed(value)), after));
    };
    let end = closing_quote(quoted)?;
    let (value, after) = (&quoted[..end], &quoted[end + 1..]);
    let is_apart = after.is_empty() || after.starts_with(char::is_whitespace);
    is_apart.then(|| ((name, unescaped(value)), after))
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes
    })
}

/// Takes the escapes of Go's and JSON's texts away; what is no escape stays as it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    serde_json::from_str(&format!("\"{text}\"")).map_or(Cow::Borrowed(text), Cow::Owned)
}
