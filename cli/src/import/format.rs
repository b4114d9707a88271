//! What a file is, by its name and its beginning.

use std::path::Path;

use clap::ValueEnum;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// An array of logs, or logs one after the other, over as many lines as they like.
    Json,
    /// A log a line.
    Ndjson,
    /// A table, whose first row names the fields.
    Csv,
    /// A log a line, as programs write them for people.
    Text,
    /// Whatever it looks like.
    Auto,
}

/// How a first row of a table begins or goes on that says where the message is.
const MESSAGE_COLUMN: &str = "message";

impl Format {
    /// Looks at a file's name and its first bytes, unless it is known what it is.
    pub(super) fn resolved(self, path: &Path, beginning: &[u8]) -> Self {
        if self != Self::Auto {
            return self;
        }
        let beginning = beginning.trim_ascii_start();
        let first_line = beginning.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match (ending.as_deref(), beginning.first()) {
            (Some("csv"), _) => Self::Csv,
            (_, Some(b'[')) if is_array(beginning) => Self::Json,
            (_, Some(b'{')) if serde_json::from_slice::<serde::de::IgnoredAny>(first_line).is_ok() => {
                Self::Ndjson
            }
            (_, Some(b'{')) => Self::Json,
            _ if is_header(first_line) => Self::Csv,
            _ => Self::Text,
        }
    }
}

/// Says whether an array of objects begins here, and not a line of text in brackets.
fn is_array(beginning: &[u8]) -> bool {
    matches!(beginning[1..].trim_ascii_start().first(), None | Some(b'{' | b']'))
}

fn is_header(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line).to_lowercase();
    line.contains(',') && line.split(',').any(|name| name.trim().trim_matches('"') == MESSAGE_COLUMN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_looks_like_unless_it_is_said() {
        for (name, beginning, format) in [
            ("a.csv", "x;y", Format::Csv),
            ("a", " [ {\"a\":1}", Format::Json),
            ("a.log", "[2025-10-23] x", Format::Text),
            ("a.json", "{\"a\":1}\n{\"a\":2}\n", Format::Ndjson),
            ("a.json", "{\n  \"a\": 1\n}\n", Format::Json),
            ("-", "Timestamp,Level,\"Message\"\n", Format::Csv),
            ("a.log", "2025-10-23 INFO a message, says it\n", Format::Text),
            ("a", "", Format::Text),
        ] {
            assert_eq!(
                Format::Auto.resolved(Path::new(name), beginning.as_bytes()),
                format,
                "{name} {beginning}"
            );
        }
        assert_eq!(Format::Text.resolved(Path::new("a.csv"), b"[]"), Format::Text);
    }
}
