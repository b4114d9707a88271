//! NDJSON bodies: one JSON object per line. Lines stand alone, so one that cannot be read costs one record.

use serde_json::value::RawValue;

use super::builder::BatchBuilder;
use super::error::{DecodeError, Fault, codes, shortened};
use super::json::JSON_WHITESPACE;
use super::value::Value;

/// Decodes a body of content type `application/x-ndjson`. Blank lines are skipped.
pub(super) fn decode_lines<'a>(body: &'a str, builder: &mut BatchBuilder<'a, '_>) -> Result<(), DecodeError> {
    for (line_index, line) in body.split('\n').enumerate() {
        let line = line.trim_matches(JSON_WHITESPACE);
        if line.is_empty() {
            continue;
        }
        builder.start_record()?;
        match decode_line(line, line_index + 1, builder) {
            Ok(()) => builder.end_with_raw(),
            Err(fault) => builder.end_with_fault(fault),
        }
    }
    Ok(())
}

fn decode_line<'a>(line: &'a str, number: usize, builder: &mut BatchBuilder<'a, '_>) -> Result<(), Fault> {
    if !line.starts_with('{') {
        return Err(match serde_json::from_str::<&RawValue>(line) {
            Ok(value) => Fault::not_an_object(Value::of_raw(value.get()).kind()),
            Err(error) => broken_line(None, number, &error.to_string()),
        });
    }
    let read = builder.raw.read(line);
    read.map_err(|error| broken_line(builder.raw.broken_at, number, &error.to_string()))
}

#[cold]
fn broken_line(field: Option<&str>, number: usize, error: &str) -> Fault {
    let what = error.replace(" at line 1 column ", " at column ");
    let detail = format!("line {number} is not valid JSON: {what}");
    Fault { field: field.map(shortened), code: codes::MALFORMED, detail }
}
