//! Records in the forms of older systems, known by a field of theirs: a shipper's envelope around a line of text
//! (`raw_log`), and the log of a workflow (`executed_at`). Both mean what they meant there.

use std::borrow::Cow;

use domain::limits::{IDENTIFIER_MAX_BYTES, RecordLimits};
use domain::{ServiceName, Severity, Timestamp};
use serde_json::value::RawValue;

use super::error::Fault;
use super::fields;
use super::line::{self, Line};
use super::record::{Field, RawRecord};
use super::value::Value;
use super::{Context, error};

/// The service of a workflow's log that names none, sent with a key that is bound to none.
const WORKFLOW_SERVICE: &str = "workflows";

/// The members of an envelope's `metadata` that have a place of their own in the record.
const SERVICE: &str = "service";
const SOURCE: &str = "source";
const TIMESTAMP: &str = "timestamp";
const SHIPPER_TIMESTAMP: &str = "shipper_timestamp";

/// Where the other members go, if not under their own names: the names that OpenTelemetry has for them.
const RENAMED: [(&str, &str); 3] =
    [("file_path", FILE_PATH), ("stream", "log.iostream"), ("raw_base64", "log.record.original.base64")];
const FILE_PATH: &str = "log.file.path";

/// The attribute with the shipper's machine, where the line itself comes from another one.
const SHIPPER_HOST: &str = "shipper.host";

/// A record in a form that is not ours.
#[derive(Debug)]
pub(super) enum Foreign<'a> {
    /// A line of text, and what the shipper adds to it.
    Envelope {
        raw_log: Value<'a>,
        metadata: Option<&'a str>,
    },
    Workflow(Workflow<'a>),
}

/// What a workflow's log says in its own fields.
#[derive(Debug)]
pub(super) struct Workflow<'a> {
    executed_at: Value<'a>,
    status: Value<'a>,
    category: Value<'a>,
    ticket_id: Value<'a>,
    seconds: Value<'a>,
}

impl<'a> Foreign<'a> {
    /// Returns the form of a record, if it is one of these.
    pub(super) fn of(raw: &RawRecord<'a>) -> Option<Self> {
        let find = |name: &str| {
            raw.unknown().iter().find(|field| field.raw_name == name).map(|field| field.raw_value)
        };
        let value = |name: &str| find(name).map_or(Value::Absent, Value::of_raw);
        if let Some(raw_log) = find("raw_log").filter(|_| *raw.get(Field::Message) == Value::Absent) {
            return Some(Self::Envelope { raw_log: Value::of_raw(raw_log), metadata: find("metadata") });
        }
        let executed_at = find("executed_at").filter(|_| *raw.get(Field::Timestamp) == Value::Absent)?;
        let seconds = match value("execution_time_seconds") {
            Value::Absent => value("execution_time"),
            seconds => seconds,
        };
        Some(Self::Workflow(Workflow {
            executed_at: Value::of_raw(executed_at),
            status: value("status"),
            category: value("category"),
            ticket_id: value("ticket_id"),
            seconds,
        }))
    }
}

impl Workflow<'_> {
    /// Returns when it was executed.
    pub(super) fn timestamp(&self, received_at: Timestamp) -> Result<Timestamp, Fault> {
        fields::timestamp(&self.executed_at, received_at)
    }

    /// Returns how bad its status is.
    pub(super) fn severity(&self) -> Severity {
        let Value::Text(status) = &self.status else { return Severity::DEFAULT };
        let level = match status.to_ascii_uppercase().as_str() {
            "PARTIAL" => "WARNING",
            "FAILED" | "ERROR" => "ERROR",
            _ => return Severity::DEFAULT,
        };
        Severity::parse(level).unwrap_or(Severity::DEFAULT)
    }

    /// Returns its message: `<category> <status> in <t>s (<ticket_id>)`, without what it does not have.
    pub(super) fn message(&self) -> String {
        let text = |value: &Value<'_>| match value {
            Value::Text(text) | Value::Number(text) if !text.is_empty() => Some(text.to_string()),
            _ => None,
        };
        let parts = [
            text(&self.category),
            text(&self.status),
            text(&self.seconds).map(|seconds| format!("in {seconds}s")),
            text(&self.ticket_id).map(|ticket| format!("({ticket})")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Returns the service of a log that names none.
    pub(super) fn default_service(bound: Option<&ServiceName>) -> Option<&'static str> {
        bound.is_none().then_some(WORKFLOW_SERVICE)
    }
}

/// Returns the line in an envelope with what the shipper adds, and the service that the record is stored under.
///
/// The service is the one that the metadata name, or the key's, or the line's own, or the name of the file.
pub(super) fn opened<'v>(
    raw_log: &'v Value<'_>,
    metadata: Option<&str>,
    context: &Context<'_>,
) -> Result<(String, Line<'v>), Fault> {
    let text = match raw_log {
        Value::Text(text) => text,
        other => {
            let detail = format!("raw_log has to be a text, not {}", other.kind());
            return Err(Fault::of("raw_log", error::codes::WRONG_TYPE, detail));
        }
    };
    line::check_length(text, context.limits)?;
    let members: Vec<(String, &RawValue)> = metadata.and_then(line::read_members).unwrap_or_default();
    let find = |name: &str| {
        let found = members.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| serde_json::from_str::<Cow<'_, str>>(value.get()).ok())
    };
    let mut line = line::parse(text, context.received_at, context.limits);
    let time = || find(TIMESTAMP).or_else(|| find(SHIPPER_TIMESTAMP));
    line.timestamp = line.timestamp.or_else(|| Timestamp::parse(&time()?).ok());
    let named = find(SERVICE).map(Cow::into_owned);
    let found = || line.service.as_deref().map(str::to_owned).or_else(|| stem_of(&find("file_path")?));
    let named = named.or_else(|| if context.bound_service.is_none() { found() } else { None });
    let service = fields::allowed_service(named.as_deref(), context.bound_service)?.to_owned();
    if let Some((_, source)) = members.iter().find(|(name, _)| name == SOURCE) {
        add_source(&mut line, source, context.limits);
    }
    for (name, value) in members {
        if name == SERVICE || name == SOURCE {
            continue;
        }
        let renamed =
            RENAMED.iter().find(|(known, _)| *known == name).map_or(name.as_str(), |(_, renamed)| renamed);
        // What a record may not have is left out: the line counts for more.
        line.attributes.push_raw_within(renamed, value, context.limits);
    }
    Ok((service, line))
}

/// Adds the machine of the shipper: the line's own, unless the line names one.
fn add_source(line: &mut Line<'_>, raw_source: &RawValue, limits: &RecordLimits) {
    let Ok(source) = serde_json::from_str::<String>(raw_source.get()) else { return };
    if line.host.is_empty() && source.len() <= IDENTIFIER_MAX_BYTES {
        line.host = Cow::Owned(source);
    } else if line.host != source {
        line.attributes.push_raw_within(SHIPPER_HOST, raw_source, limits);
    }
}

/// Returns the name of a file without folders and ending.
fn stem_of(path: &str) -> Option<String> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = name.split('.').find(|part| !part.is_empty())?;
    Some(stem.to_owned())
}
