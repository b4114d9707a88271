//! Escapes in JSON strings whose syntax is known to be valid, so that what is left to find is half of a
//! surrogate pair: `"\ud83d"` alone passes for JSON, but is no character and cannot be written in UTF-8.

use std::borrow::Cow;

/// Resolves the escapes of a JSON string, given without its quotes; `None` if it holds half of a surrogate
/// pair, which no UTF-8 can.
#[inline]
pub(super) fn unescaped(raw: &str) -> Option<Cow<'_, str>> {
    if has_escape(raw) { resolve_escapes(raw).map(Cow::Owned) } else { Some(Cow::Borrowed(raw)) }
}

/// Says whether a JSON string holds an escape. Looks at every byte without leaving early, which compiles to
/// a handful of vector instructions; most texts are short and have none.
#[inline]
pub(super) fn has_escape(raw: &str) -> bool {
    raw.bytes().fold(false, |found, byte| found | (byte == b'\\'))
}

fn resolve_escapes(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let (character, length) = resolve_one_escape(escaped)?;
        text.push(character);
        rest = &escaped[length..];
    }
    text.push_str(rest);
    Some(text)
}

/// Returns the character that an escape stands for, and its length without the first backslash.
fn resolve_one_escape(escaped: &str) -> Option<(char, usize)> {
    Some(match escaped.as_bytes().first()? {
        b'n' => ('\n', 1),
        b't' => ('\t', 1),
        b'r' => ('\r', 1),
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'u' => return resolve_unicode_escape(escaped),
        other => (char::from(*other), 1),
    })
}

fn resolve_unicode_escape(escaped: &str) -> Option<(char, usize)> {
    let unit = |at: usize| u16::from_str_radix(escaped.get(at..at + 4)?, 16).ok();
    let first = unit(1)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Some((character, 5));
    }
    if escaped.get(5..7)? != "\\u" {
        return None;
    }
    let pair = char::decode_utf16([first, unit(7)?]).next()?;
    Some((pair.ok()?, 11))
}

/// Says whether any string of a JSON text holds half of a surrogate pair. Outside of strings there are no
/// backslashes, so only they are looked at.
#[inline]
pub(super) fn has_lone_surrogate(json: &str) -> bool {
    has_escape(json) && has_lone_surrogate_escape(json)
}

fn has_lone_surrogate_escape(json: &str) -> bool {
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at..];
        let unit = |at: usize| escape.get(at..at + 4).and_then(|hex| u16::from_str_radix(hex, 16).ok());
        let length = match (escape.as_bytes().get(1), unit(2)) {
            (Some(b'u'), Some(0xD800..=0xDBFF)) => {
                let is_pair = escape.get(6..8) == Some("\\u") && matches!(unit(8), Some(0xDC00..=0xDFFF));
                if !is_pair {
                    return true;
                }
                12
            }
            (Some(b'u'), Some(0xDC00..=0xDFFF)) => return true,
            _ => 2,
        };
        rest = &escape[length..];
    }
    false
}
