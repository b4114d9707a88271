//! A file to lines of JSON, one a log.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer as _, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::format::Format;

/// Most bytes of a line; a file with a longer one is not what it is taken for.
const LINE_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Most bytes of a line that go beside it in base64, because an attribute has at most 32 KiB.
const EXACT_MAX_BYTES: usize = 23 * 1024;

/// Columns that are fields of a record; all others are attributes.
const FIELDS: [&str; 8] =
    ["timestamp", "level", "severity", "service", "message", "trace_id", "span_id", "host"];

/// The column of a table that was exported, with all attributes as JSON.
const ATTRIBUTES: &str = "attributes";

/// Columns that a table has together which was exported: what the service gave to each log, and gives anew.
const GIVEN: [&str; 2] = ["id", "received_at"];

/// Where logs are read from, and what they have in common.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    /// The service of logs that name none.
    pub(super) service: Option<String>,
    /// The file's path, for lines of text.
    pub(super) path: String,
}

/// Takes a log, as a line of JSON without its end. An error ends the reading.
pub(super) type Sink<'a> = dyn FnMut(Vec<u8>) -> anyhow::Result<()> + 'a;

/// Reads all logs of a file.
///
/// # Errors
/// When it cannot be read, is not of its format, or the sink has enough.
pub(super) fn read_all(
    input: &mut impl BufRead,
    format: Format,
    source: &Source,
    sink: &mut Sink<'_>,
) -> anyhow::Result<()> {
    match format {
        Format::Json => read_json(input, source, sink),
        Format::Csv => read_csv(input, source, sink),
        Format::Ndjson => read_lines(input, &mut |line| {
            sink(source.completed(String::from_utf8_lossy(line).into_owned().into_bytes()))
        }),
        Format::Text | Format::Auto => read_lines(input, &mut |line| sink(source.envelope(line)?)),
    }
}

fn read_lines(
    input: &mut impl BufRead,
    take: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (mut line, mut number) = (Vec::new(), 0_u64);
    loop {
        line.clear();
        number += 1;
        if std::io::Read::take(&mut *input, LINE_MAX_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let is_whole = line.ends_with(b"\n") || (line.len() as u64) < LINE_MAX_BYTES;
        ensure!(is_whole, "line {number} has more than {LINE_MAX_BYTES} bytes");
        if !line.trim_ascii().is_empty() {
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            take(text.strip_suffix(b"\r").unwrap_or(text))?;
        }
    }
}

fn read_csv(input: &mut impl BufRead, source: &Source, sink: &mut Sink<'_>) -> anyhow::Result<()> {
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let names: Vec<String> =
        rows.byte_headers()?.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let is_export = GIVEN.iter().all(|given| names.iter().any(|name| name == given));
    let is_left_out = |name: &str| is_export && GIVEN.contains(&name);
    let mut row = csv::ByteRecord::new();
    while rows.read_byte_record(&mut row)? {
        let (mut log, mut attributes) = (Map::new(), Map::new());
        for (name, cell) in names.iter().zip(&row) {
            if cell.is_empty() || is_left_out(name) {
                continue;
            }
            let (text, field) = (String::from_utf8_lossy(cell), name.to_lowercase());
            if FIELDS.contains(&field.as_str()) {
                log.insert(field, json!(text));
            } else if let (ATTRIBUTES, Ok(Value::Object(more))) = (&*field, serde_json::from_str(&text)) {
                attributes.extend(more);
            } else {
                attributes.insert(name.clone(), json!(text));
            }
        }
        if !attributes.is_empty() {
            log.insert(ATTRIBUTES.to_owned(), Value::Object(attributes));
        }
        if let (Some(service), false) = (&source.service, log.contains_key("service")) {
            log.insert("service".to_owned(), json!(service));
        }
        sink(serde_json::to_vec(&log)?)?;
    }
    Ok(())
}

/// Reads an array, element by element, or values one after the other.
fn read_json(input: &mut impl BufRead, source: &Source, sink: &mut Sink<'_>) -> anyhow::Result<()> {
    let is_array = loop {
        let Some(&byte) = input.fill_buf()?.first() else { return Ok(()) };
        if !byte.is_ascii_whitespace() {
            break byte == b'[';
        }
        input.consume(1);
    };
    if is_array {
        let mut json = serde_json::Deserializer::from_reader(input);
        let elements = Elements { source, sink };
        json.deserialize_seq(elements).and_then(|()| json.end()).context("the JSON cannot be read")?;
        return Ok(());
    }
    for value in serde_json::Deserializer::from_reader(input).into_iter::<Box<RawValue>>() {
        let value = value.context("the JSON cannot be read")?;
        sink(source.completed(value.get().as_bytes().to_vec()))?;
    }
    Ok(())
}

/// Hands on the elements of an array while it is read.
struct Elements<'a, 'b> {
    source: &'a Source,
    sink: &'a mut Sink<'b>,
}

impl<'de> Visitor<'de> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of logs")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            let line = self.source.completed(element.get().as_bytes().to_vec());
            (self.sink)(line).map_err(|error| A::Error::custom(format!("{error:#}")))?;
        }
        Ok(())
    }
}

impl Source {
    /// Returns a log in JSON as one line, with the service if it names none. What is no object stays what it is: the service
    /// says what is wrong with it.
    fn completed(&self, mut line: Vec<u8>) -> Vec<u8> {
        // Between values a line end is a space, and within a text there is none.
        line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        let Some(service) = &self.service else { return line };
        let Ok(members) = serde_json::from_slice::<HashMap<Cow<'_, str>, IgnoredAny>>(&line) else {
            return line;
        };
        if members.contains_key("service") {
            return line;
        }
        let comma = if members.is_empty() { "" } else { "," };
        let named = format!("{{\"service\":{}{comma}", json!(service));
        let begins = line.iter().position(|&byte| byte == b'{').map_or(0, |brace| brace + 1);
        [named.as_bytes(), &line[begins..]].concat()
    }

    /// Returns a line of text in an envelope, which the service takes apart.
    fn envelope(&self, line: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut metadata = json!({"file_path": self.path});
        if let Some(service) = &self.service {
            metadata["service"] = json!(service);
        }
        let text = String::from_utf8_lossy(line);
        if matches!(text, Cow::Owned(_)) && line.len() <= EXACT_MAX_BYTES {
            // It is not UTF-8: its exact bytes go with it.
            metadata["raw_base64"] = json!(STANDARD.encode(line));
        }
        Ok(serde_json::to_vec(&json!({"raw_log": text, "metadata": metadata}))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: impl AsRef<[u8]>, format: Format, service: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let source = Source { service: service.map(str::to_owned), path: "/a/b.log".to_owned() };
        let mut logs = Vec::new();
        let mut sink = |line: Vec<u8>| {
            assert!(!line.contains(&b'\n'));
            logs.push(serde_json::from_slice(&line)?);
            Ok(())
        };
        // A small buffer: nothing relies on having all at once.
        let mut input = std::io::BufReader::with_capacity(7, text.as_ref());
        read_all(&mut input, format, &source, &mut sink)?;
        Ok(logs)
    }

    #[test]
    fn json_is_an_array_or_values_over_as_many_lines_as_they_like() {
        let logs = [json!({"service": "a", "message": "x\ny"}), json!({"message": "z", "n": 1.50})];
        let array =
            "\n [ {\"service\":\"a\",\n \"message\":\"x\\ny\"},\r\n{\"message\":\"z\", \"n\":1.50} ] \n";
        assert_eq!(read(array, Format::Json, None).unwrap(), logs);
        let values = array.replace(" [ ", "").replace(" ] ", "").replace("},", "}");
        assert_eq!(read(&values, Format::Json, None).unwrap(), logs);
        let named = read(array, Format::Json, Some("s")).unwrap();
        assert_eq!((&named[0]["service"], &named[1]["service"]), (&json!("a"), &json!("s")));
        assert_eq!(read("{}", Format::Json, Some("s")).unwrap(), [json!({"service": "s"})]);
        let broken = read("[{\"a\":1},{\"a\"", Format::Json, None).unwrap_err();
        assert!(format!("{broken:#}").contains("line 1"), "{broken:#}");
    }

    #[test]
    fn a_table_has_fields_and_attributes_by_its_first_row() {
        let table = "Timestamp,LEVEL,message,User,attributes\n2025-04-01T12:00:00Z,warn,\"a, b\",u1,\"{\"\"n\"\":1}\"\n,,c\n";
        let expected = [
            json!({"timestamp": "2025-04-01T12:00:00Z", "level": "warn", "message": "a, b", "service": "s",
                "attributes": {"User": "u1", "n": 1}}),
            json!({"message": "c", "service": "s"}),
        ];
        assert_eq!(read(table, Format::Csv, Some("s")).unwrap(), expected);
    }

    #[test]
    fn lines_are_json_or_text_in_an_envelope_and_blank_ones_are_none() {
        let lines = "{\"message\":\"a\"}\r\n\n{\"message\":\"b\"}";
        assert_eq!(
            read(lines, Format::Ndjson, None).unwrap(),
            [json!({"message": "a"}), json!({"message": "b"})]
        );
        let text = read("one \r\n \n\ntwo", Format::Text, Some("s")).unwrap();
        assert_eq!(
            text[0],
            json!({"raw_log": "one ", "metadata": {"file_path": "/a/b.log", "service": "s"}})
        );
        assert_eq!(text.len(), 2);
        let broken = read(b"caf\xe9 \n", Format::Text, None).unwrap();
        let metadata = json!({"file_path": "/a/b.log", "raw_base64": STANDARD.encode(b"caf\xe9 ")});
        assert_eq!(broken, [json!({"raw_log": "caf\u{fffd} ", "metadata": metadata})]);
        let long = read(vec![0xe9; EXACT_MAX_BYTES + 1], Format::Text, None).unwrap();
        assert_eq!(long[0]["metadata"], json!({"file_path": "/a/b.log"}));
        let endless = "x".repeat(usize::try_from(LINE_MAX_BYTES).unwrap() + 1);
        assert!(read(&endless, Format::Text, None).is_err());
    }
}
