//! The labels of a stream as a text, in the notation of Prometheus: `{app="pay", env="prod"}`. Values are quoted as Go
//! quotes them, with escapes or between backquotes; names may be quoted, too.

/// A text that is no labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BrokenLabels;

/// Reads labels, and hands over each name with its value.
///
/// # Errors
/// [`BrokenLabels`]; what was handed over until then is not to be used.
pub(super) fn read_labels(text: &str, mut label: impl FnMut(&str, &str)) -> Result<(), BrokenLabels> {
    let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let mut rest = inner.ok_or(BrokenLabels)?.trim_start();
    let (mut name, mut value) = (String::new(), String::new());
    while !rest.is_empty() {
        rest = read_name(rest, &mut name)?.trim_start();
        rest = rest.strip_prefix('=').ok_or(BrokenLabels)?.trim_start();
        rest = read_quoted(rest, &mut value)?.trim_start();
        label(&name, &value);
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind.trim_start(),
            None if rest.is_empty() => {}
            None => return Err(BrokenLabels),
        }
    }
    Ok(())
}

/// Reads a name; returns what follows it.
fn read_name<'t>(text: &'t str, name: &mut String) -> Result<&'t str, BrokenLabels> {
    if text.starts_with(['"', '`']) {
        return read_quoted(text, name);
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    if end == 0 {
        return Err(BrokenLabels);
    }
    name.clear();
    name.push_str(&text[..end]);
    Ok(&text[end..])
}

/// Reads a quoted text; returns what follows it.
fn read_quoted<'t>(text: &'t str, value: &mut String) -> Result<&'t str, BrokenLabels> {
    value.clear();
    if let Some(raw) = text.strip_prefix('`') {
        let (raw, rest) = raw.split_once('`').ok_or(BrokenLabels)?;
        value.push_str(raw);
        return Ok(rest);
    }
    let mut rest = text.strip_prefix('"').ok_or(BrokenLabels)?;
    let mut bytes = std::mem::take(value).into_bytes();
    loop {
        let at = rest.find(['"', '\\']).ok_or(BrokenLabels)?;
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let is_end = rest.as_bytes()[at] == b'"';
        rest = &rest[at + 1..];
        if is_end {
            break;
        }
        rest = read_escape(rest, &mut bytes)?;
    }
    // Escaped bytes may make up a character, or none.
    *value = String::from_utf8(bytes).map_err(|_| BrokenLabels)?;
    Ok(rest)
}

/// Reads what follows a backslash; returns what follows that.
fn read_escape<'t>(text: &'t str, bytes: &mut Vec<u8>) -> Result<&'t str, BrokenLabels> {
    let kind = text.chars().next().ok_or(BrokenLabels)?;
    let rest = &text[kind.len_utf8()..];
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => {
            bytes.push(simple_escape(kind).ok_or(BrokenLabels)?);
            return Ok(rest);
        }
    };
    let hex = rest.get(..digits).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let code = u32::from_str_radix(hex.ok_or(BrokenLabels)?, 16).map_err(|_| BrokenLabels)?;
    match u8::try_from(code) {
        Ok(byte) if kind == 'x' => bytes.push(byte),
        _ => {
            let character = char::from_u32(code).ok_or(BrokenLabels)?;
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Ok(&rest[digits..])
}

fn simple_escape(kind: char) -> Option<u8> {
    Some(match kind {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0C,
        'v' => 0x0B,
        '\\' | '"' | '\'' => u8::try_from(kind).ok()?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, BrokenLabels> {
        let mut all = Vec::new();
        read_labels(text, |name, value| all.push((name.to_owned(), value.to_owned())))?;
        Ok(all)
    }

    #[test]
    fn labels_are_read_with_their_escapes() {
        let table: [(&str, &[(&str, &str)]); 8] = [
            ("{}", &[]),
            (" { } ", &[]),
            (r#"{app="pay"}"#, &[("app", "pay")]),
            (r#"{app="pay",env="prod, eu"}"#, &[("app", "pay"), ("env", "prod, eu")]),
            ("{ app = \"pay\" , a_1=`\\n`, }", &[("app", "pay"), ("a_1", "\\n")]),
            (
                r#"{p="C:\\x\t\"q\"\n\a\x41\xc3\xa4\u00e4\U0001f600"}"#,
                &[("p", "C:\\x\t\"q\"\n\u{7}Aää\u{1f600}")],
            ),
            (r#"{"my label"="1", k8s.pod="ü"}"#, &[("my label", "1"), ("k8s.pod", "ü")]),
            (r#"{a="",b="}"}"#, &[("a", ""), ("b", "}")]),
        ];
        for (text, labels) in table {
            let expected: Vec<_> = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_labels_is_broken() {
        for text in [
            "",
            "{",
            "app=\"pay\"",
            "{app}",
            "{app=}",
            "{app=pay}",
            "{=\"x\"}",
            "{app=\"pay}",
            "{app=`pay}",
            "{a=\"1\" b=\"2\"}",
            "{,}",
            r#"{a="\q"}"#,
            r#"{a="\x4"}"#,
            r#"{a="\xff"}"#,
            r#"{a="\ud800"}"#,
            r#"{a="\U00110000"}"#,
            r#"{a="\u+041"}"#,
            r#"{a="1"}}"#,
            r#"{a=~"1"}"#,
            r#"{a="\"#,
        ] {
            assert_eq!(read(text), Err(BrokenLabels), "{text}");
        }
    }
}
