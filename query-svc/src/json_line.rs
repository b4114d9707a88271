//! A record's JSON on one line: what NDJSON and server-sent events need.

use std::io;

use domain::LogRecord;

/// Writes the JSON of a record, without a line break in it or behind it.
///
/// # Errors
/// When its attributes are no JSON.
pub fn write_json_line(record: &LogRecord, into: &mut Vec<u8>) -> io::Result<()> {
    let start = into.len();
    serde_json::to_writer(&mut *into, record)?;
    // Attributes are kept byte for byte as they came. A line break in JSON can only be space between two tokens:
    // inside of a text it is always escaped.
    for byte in &mut into[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use testkit::build::record;

    use super::*;

    #[test]
    fn a_record_is_one_line_however_its_attributes_are_laid_out() {
        let attributes = "{\r\n  \"a\": \"b\\nc\",\n\t\"d\": [1,\r 2]\n}";
        let record = LogRecord::new(7, &record("two\nlines\r").attributes(attributes).as_record_ref());
        let mut line = b"before\n".to_vec();

        write_json_line(&record, &mut line).unwrap();

        let line = String::from_utf8(line).unwrap();
        let json = line.strip_prefix("before\n").unwrap();
        assert!(!json.contains(['\n', '\r']), "{json}");
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(json, serde_json::to_value(&record).unwrap());
        assert_eq!((&json["message"], &json["attributes"]["a"]), (&"two\nlines\r".into(), &"b\nc".into()));
    }
}
