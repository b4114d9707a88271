//! `GET /api/v1/fields`

use std::collections::{BTreeMap, BTreeSet};

use domain::condition::for_each_value;
use domain::{LogRecord, Principal};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Enum, Object};
use sentinel_http::JsonText;
use serde::Serialize;

use super::Context;
use super::record_field::RecordField;
use super::scan_newest::{ScanBounds, scan_newest};
use crate::params::{Query, read_filter};

/// Most logs that are looked at, the newest.
const SAMPLE_MAX: usize = 10_000;

/// Most attributes that are listed. With their paths they take at most 4 MiB.
const ATTRIBUTES_MAX: usize = 1000;

/// The answer to a request for all fields.
#[derive(ApiResponse)]
pub(super) enum FieldsAnswer {
    /// The fields.
    #[oai(status = 200)]
    Listed(JsonText<FieldsSchema>),
}

/// The fields that logs have.
#[derive(Object)]
#[oai(rename = "Fields", read_only_all)]
pub(super) struct FieldsSchema {
    /// The fields that every log can have, then the attributes, by name.
    fields: Vec<FieldSchema>,
    /// How many logs were looked at: the newest.
    sampled: u64,
    /// Most logs that are looked at.
    sample_max: u64,
    /// Most attributes that are listed.
    attributes_max: u64,
    /// Whether every log was looked at, and every attribute listed.
    complete: bool,
}

/// A field.
#[derive(Object)]
#[oai(rename = "Field", read_only_all)]
struct FieldSchema {
    /// Its name in the filter language; of an attribute, the names that lead to it, with dots between them.
    name: String,
    /// Whether every log can have it.
    kind: FieldKindSchema,
    /// The types that its values have, by name.
    types: Vec<FieldTypeSchema>,
    /// How many of the logs that were looked at have it.
    count: u64,
}

/// What a field is.
#[derive(Default, Enum)]
#[oai(rename = "FieldKind", rename_all = "lowercase")]
enum FieldKindSchema {
    /// A field of every log.
    #[default]
    Builtin,
    /// What a sender said beside.
    Attribute,
}

/// The type of a value.
#[derive(Default, Enum)]
#[oai(rename = "FieldType", rename_all = "lowercase")]
enum FieldTypeSchema {
    #[default]
    Boolean,
    Number,
    String,
    /// RFC 3339, UTC.
    Time,
}

#[derive(Serialize)]
struct Fields {
    fields: Vec<Field>,
    sampled: usize,
    sample_max: usize,
    attributes_max: usize,
    complete: bool,
}

#[derive(Serialize)]
struct Field {
    name: String,
    kind: &'static str,
    types: BTreeSet<&'static str>,
    count: u64,
}

/// The fields of logs, as they are gathered.
#[derive(Debug, Default)]
struct FieldTally {
    builtin: BTreeMap<RecordField, u64>,
    attributes: BTreeMap<String, Seen>,
    has_more: bool,
}

#[derive(Debug, Default)]
struct Seen {
    types: BTreeSet<&'static str>,
    count: u64,
    /// The last log that had it: one that has it twice is one log.
    last_id: i64,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<FieldsAnswer> {
    let mut query = Query::of(request)?;
    let filter = read_filter(&mut query, context.clock.now(), false)?;
    query.finish()?;
    let bounds = ScanBounds { max_records: SAMPLE_MAX, deadline: super::discovery_deadline(context) };
    let add = |tally: &mut FieldTally, record: &LogRecord| tally.add(record);
    let tally = FieldTally::default();
    let scanned = scan_newest(&context.turns, &key.tenant, &filter, bounds, tally, add).await?;
    let complete = scanned.complete && !scanned.gathered.has_more;
    let fields = Fields {
        fields: scanned.gathered.into_fields(),
        sampled: scanned.records,
        sample_max: SAMPLE_MAX,
        attributes_max: ATTRIBUTES_MAX,
        complete,
    };
    Ok(FieldsAnswer::Listed(JsonText::from_serialize(&fields)?))
}

impl FieldTally {
    fn add(&mut self, record: &LogRecord) {
        for field in RecordField::ALL {
            if field.value_of(record).is_some() {
                *self.builtin.entry(field).or_default() += 1;
            }
        }
        for_each_value(&record.attributes, &mut |path, value| {
            if !self.attributes.contains_key(path) {
                if self.attributes.len() >= ATTRIBUTES_MAX {
                    self.has_more = true;
                    return;
                }
                self.attributes.insert(path.to_owned(), Seen::default());
            }
            let Some(seen) = self.attributes.get_mut(path) else { return };
            seen.types.insert(value.type_name());
            if seen.last_id != record.id {
                seen.last_id = record.id;
                seen.count += 1;
            }
        });
    }

    fn into_fields(self) -> Vec<Field> {
        let Self { builtin, attributes, .. } = self;
        let builtin = RecordField::ALL.into_iter().map(|field| Field {
            name: field.name().to_owned(),
            kind: "builtin",
            types: [field.type_name()].into(),
            count: builtin.get(&field).copied().unwrap_or_default(),
        });
        let attribute = |(name, seen): (String, Seen)| Field {
            name,
            kind: "attribute",
            types: seen.types,
            count: seen.count,
        };
        builtin.chain(attributes.into_iter().map(attribute)).collect()
    }
}

#[cfg(test)]
mod tests {
    use testkit::build::record;

    use super::*;

    #[test]
    fn the_number_of_attributes_is_bounded_and_those_that_are_listed_are_counted_on() {
        let mut tally = FieldTally::default();
        for (id, n) in (1..).zip([0].into_iter().chain(0..ATTRIBUTES_MAX).chain([0])) {
            assert!(!tally.has_more);
            tally.add(&LogRecord::new(
                id,
                &record("m").attributes(&format!("{{\"n{n}\":1}}")).as_record_ref(),
            ));
        }
        assert!(!tally.has_more, "as many as there may be");
        tally.add(&LogRecord::new(9999, &record("m").attributes("{\"more\":1,\"n0\":1}").as_record_ref()));
        assert!(tally.has_more);
        let fields = tally.into_fields();
        assert_eq!(fields.len(), RecordField::ALL.len() + ATTRIBUTES_MAX);
        let first = fields.iter().find(|field| field.name == "n0").unwrap();
        assert_eq!(first.count, 4);
    }
}
