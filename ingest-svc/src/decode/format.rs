//! Which format a `Content-Type` stands for.

/// The formats in which `POST /logs` takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// One object, an array of objects, or `{"logs":[...]}`.
    Json,
    /// One JSON object per line.
    NdJson,
    /// One record per line.
    Text,
}

/// The two forms of a request of OTLP's or Loki's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFormat {
    /// Protocol Buffers.
    Protobuf,
    /// JSON.
    Json,
}

impl BodyFormat {
    /// The media types that [`Self::from_content_type`] knows, for the answer to any other.
    pub const SUPPORTED: [&str; 4] =
        ["application/json", "application/x-ndjson", "application/jsonl", "text/plain"];

    /// Returns the format of a body with this `Content-Type`; `None`: unsupported.
    ///
    /// Without the header the body is JSON. So is a form: it is what curl's `-d` says of every body
    /// unless it is told otherwise.
    #[must_use]
    pub fn from_content_type(content_type: Option<&str>) -> Option<Self> {
        let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        if !parts.all(is_understood) {
            return None;
        }
        match media_type.as_str() {
            "" | "application/json" | "application/x-www-form-urlencoded" => Some(Self::Json),
            "application/x-ndjson" | "application/jsonl" => Some(Self::NdJson),
            "text/plain" => Some(Self::Text),
            _ => None,
        }
    }
}

/// Says whether a parameter leaves the body readable: every one does but a charset that is not UTF-8.
fn is_understood(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    if !name.trim().eq_ignore_ascii_case("charset") {
        return true;
    }
    let charset = value.trim().trim_matches('"');
    ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_supported_content_type_names_its_format() {
        let expected = [
            (None, BodyFormat::Json),
            (Some(""), BodyFormat::Json),
            (Some("application/json"), BodyFormat::Json),
            (Some("Application/JSON; Charset=\"UTF-8\""), BodyFormat::Json),
            (Some("application/json;charset=utf8;q=1"), BodyFormat::Json),
            (Some("application/x-www-form-urlencoded"), BodyFormat::Json),
            (Some("application/x-ndjson"), BodyFormat::NdJson),
            (Some("application/jsonl ; charset=utf-8"), BodyFormat::NdJson),
            (Some("text/plain; charset=us-ascii"), BodyFormat::Text),
        ];
        for (content_type, format) in expected {
            assert_eq!(BodyFormat::from_content_type(content_type), Some(format), "{content_type:?}");
        }
        assert!(BodyFormat::SUPPORTED.iter().all(|t| BodyFormat::from_content_type(Some(t)).is_some()));
    }

    #[test]
    fn other_media_types_and_charsets_are_unsupported() {
        for content_type in
            ["application/xml", "text/html", "json", "text/plain; charset=latin1", "; charset="]
        {
            assert_eq!(BodyFormat::from_content_type(Some(content_type)), None, "{content_type}");
        }
    }
}
