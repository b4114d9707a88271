//! `GET /api/v1/fields/{name}/values`

use domain::condition::{AttributePath, AttributeTest, AttributeValue, TextTest, values_at};
use domain::text::fold;
use domain::{Clause, Condition, Filter, LogRecord, Principal};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;

use super::Context;
use super::asked::read_number;
use super::frequencies::Frequencies;
use super::record_field::RecordField;
use super::scan_newest::{ScanBounds, scan_newest};
use super::series::GroupBy;
use crate::params::{Query, read_filter};

/// How many values are listed when the client does not say.
const LIMIT_DEFAULT: usize = 10;

/// Most values that are listed.
const LIMIT_MAX: usize = 1000;

/// Most logs that are looked at, the newest that have the field.
const SAMPLE_MAX: usize = 100_000;

/// Most different values that are told apart. They take at most 3 MB.
const DISTINCT_MAX: usize = 10_000;

/// The answer to a request for a field's values.
#[derive(ApiResponse)]
pub(super) enum ValuesAnswer {
    /// The values.
    #[oai(status = 200)]
    Listed(JsonText<ValuesSchema>),
}

/// The most frequent values of a field.
#[derive(Object)]
#[oai(rename = "FieldValues", read_only_all)]
pub(super) struct ValuesSchema {
    /// The field.
    field: String,
    /// The values, the most frequent first.
    values: Vec<ValueSchema>,
    /// How often other values occur: less frequent ones, ones of more than 256 bytes, and, of more than 10000 different
    /// ones, those that only older logs have.
    other: u64,
    /// How many logs were looked at, the newest that have the field, at most 100000. Null: all logs were counted.
    sampled: Option<u64>,
    /// Whether every log was looked at or counted, and every value told apart.
    complete: bool,
}

/// A value of a field.
#[derive(Object)]
#[oai(rename = "FieldValue", read_only_all)]
struct ValueSchema {
    /// The value, as a text.
    value: String,
    /// How many logs have it.
    count: u64,
}

#[derive(Serialize)]
struct Values<'a> {
    field: &'a str,
    values: Vec<Value>,
    other: u64,
    sampled: Option<usize>,
    complete: bool,
}

#[derive(Serialize)]
struct Value {
    value: String,
    count: u64,
}

/// Which values are meant.
#[derive(Debug)]
enum Meant {
    Field(RecordField),
    Attribute(AttributePath),
}

/// The values of a field, as they are gathered.
#[derive(Debug)]
struct ValueTally {
    meant: Meant,
    wanted: Wanted,
    frequencies: Frequencies,
}

/// How values have to begin, folded.
#[derive(Debug)]
struct Wanted(String);

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    field: &str,
) -> Result<ValuesAnswer> {
    let mut query = Query::of(request)?;
    let filter = read_filter(&mut query, context.clock.now(), false)?;
    let limit = read_number(&mut query, "limit", LIMIT_DEFAULT, LIMIT_MAX)?;
    let wanted = Wanted(fold(&query.take_one("prefix")?.unwrap_or_default()).into_owned());
    query.finish()?;
    let counted_by = match field {
        "service" => Some(GroupBy::Service),
        "severity" => Some(GroupBy::Severity),
        "level" => Some(GroupBy::Level),
        _ => None,
    };
    let (frequencies, sampled, complete) = match counted_by {
        Some(group_by) => count(context, key, &filter, group_by, &wanted).await?,
        None => sample(context, key, filter, field, wanted).await?,
    };
    let complete = complete && frequencies.has_all;
    let most = frequencies.most_frequent(limit);
    let values = most.values.into_iter().map(|(value, count)| Value { value, count }).collect();
    let values = Values { field, values, other: most.other, sampled, complete };
    Ok(ValuesAnswer::Listed(JsonText::from_serialize(&values)?))
}

/// Counts the values of all logs.
async fn count(
    context: &Context,
    key: &Principal,
    filter: &Filter,
    group_by: GroupBy,
    wanted: &Wanted,
) -> Result<(Frequencies, Option<usize>, bool), Problem> {
    let deadline = super::discovery_deadline(context);
    let counts = context.store.count_by(&key.tenant, filter, None, deadline).await?;
    // All of them are in memory already.
    let mut frequencies = Frequencies::new(usize::MAX);
    for cell in counts.cells.iter().filter(|cell| wanted.is(group_by.group_of(cell))) {
        frequencies.add(group_by.group_of(cell), cell.count);
    }
    Ok((frequencies, None, counts.complete))
}

/// Counts the values of the newest logs that have the field.
async fn sample(
    context: &Context,
    key: &Principal,
    mut filter: Filter,
    field: &str,
    wanted: Wanted,
) -> Result<(Frequencies, Option<usize>, bool), Problem> {
    let meant = Meant::read(field)?;
    if let Some(condition) = meant.exists() {
        filter.narrow(condition);
    }
    let bounds = ScanBounds { max_records: SAMPLE_MAX, deadline: super::discovery_deadline(context) };
    let tally = ValueTally { meant, wanted, frequencies: Frequencies::new(DISTINCT_MAX) };
    let add = |tally: &mut ValueTally, record: &LogRecord| tally.add(record);
    let scanned = scan_newest(&context.turns, &key.tenant, &filter, bounds, tally, add).await?;
    Ok((scanned.gathered.frequencies, Some(scanned.records), scanned.complete))
}

impl Meant {
    fn read(field: &str) -> Result<Self, Problem> {
        let attribute = || AttributePath::new(field).map(Self::Attribute);
        let meant = RecordField::named(field).map(Self::Field).or_else(attribute);
        meant.ok_or_else(|| Problem::not_found("a field has a name"))
    }

    /// Returns what is true of the records that have the field; `None`: all have it.
    fn exists(&self) -> Option<Condition> {
        let clause = match self {
            Self::Field(field) => Clause::Text(field.as_optional()?, TextTest::Exists),
            Self::Attribute(path) => Clause::Attribute(path.clone(), AttributeTest::Exists),
        };
        Some(Condition::Is(clause))
    }
}

impl ValueTally {
    fn add(&mut self, record: &LogRecord) {
        let Self { meant, wanted, frequencies } = self;
        let mut add = |value: &str| {
            if wanted.is(value) {
                frequencies.add(value, 1);
            }
        };
        match meant {
            Meant::Field(field) => field.value_of(record).iter().for_each(|value| add(value)),
            Meant::Attribute(path) => {
                let values = values_at(path, &record.attributes);
                let mut texts: Vec<&str> = values.iter().map(AttributeValue::as_text).collect();
                // A list may hold a value twice: it is one log nevertheless.
                texts.sort_unstable();
                texts.dedup();
                texts.into_iter().for_each(add);
            }
        }
    }
}

impl Wanted {
    fn is(&self, value: &str) -> bool {
        fold(value).starts_with(&self.0)
    }
}
