//! Bodies of Elasticsearch's bulk API: a line with an action, then a line with the document that it stores.
//!
//! ```text
//! {"create":{"_index":"logs-nginx-default","_id":"a-1"}}
//! {"@timestamp":"2025-04-01T12:00:00Z","message":"GET /","log":{"level":"info"}}
//! ```
//!
//! `create` and `index` store. `update` and `delete` are faults of their items, and so is a document that cannot be
//! stored: the others go on. An action that cannot be read is a fault of the whole body, because nobody knows what the
//! lines behind it are. Bytes that are no UTF-8 are replaced, as shippers send what they find in files.
//!
//! Source: <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk>.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use store::RecordKey;

use super::attributes::next_member;
use super::builder::BatchBuilder;
use super::document::DocumentReader;
use super::error::{DecodeError, Fault, codes};
use super::json::JSON_WHITESPACE;
use super::value::Value;
use super::{Context, Decoded};

/// Most bytes of an `_id`, as in Elasticsearch.
const ID_MAX_BYTES: usize = 512;

/// What an item asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkAction {
    /// Store a document.
    Create,
    /// The same: a stored document is never replaced.
    Index,
    /// Change a document; a fault.
    Update,
    /// Delete a document; a fault.
    Delete,
}

/// What a body asks for, in its order. The items without a fault are the records of the batch, in the same order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BulkItems {
    /// The items.
    pub items: Vec<BulkItem>,
    /// The distinct indices that they name.
    pub indices: Vec<String>,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkItem {
    /// What it asks for.
    pub action: BulkAction,
    /// The place of its index in [`BulkItems::indices`].
    pub index: usize,
    /// The document's `_id`, if its sender names one.
    pub id: Option<Box<str>>,
    /// Why nothing is stored, if nothing is.
    pub fault: Option<Box<BulkFault>>,
}

/// What is wrong with an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkFault {
    /// One of [`codes`].
    pub code: &'static str,
    /// A sentence for a person.
    pub detail: String,
}

/// The line of an action; one member is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionLine<'a> {
    #[serde(borrow)]
    create: Option<&'a RawValue>,
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    update: Option<&'a RawValue>,
    #[serde(borrow)]
    delete: Option<&'a RawValue>,
}

/// An action, taken apart.
#[derive(Debug, Clone)]
struct Action<'a> {
    kind: BulkAction,
    /// The index's name as JSON; `None`: it names none.
    raw_index: Option<&'a str>,
    id: Value<'a>,
}

/// The decoder of one body.
struct BulkDecoder<'a, 'c> {
    builder: BatchBuilder<'a, 'c>,
    documents: DocumentReader<'a>,
    /// The index of actions that name none, as JSON.
    default_index: Option<&'a str>,
    /// The distinct indices as JSON, as [`BulkItems::indices`] has their names.
    raw_indices: Vec<&'a str>,
    /// The place of each.
    places: HashMap<&'a str, usize>,
    items: BulkItems,
    keys: Vec<Option<RecordKey>>,
}

/// Decodes a body. `default_index` is the index of actions that name none.
///
/// # Errors
/// [`DecodeError`] when an action cannot be read, or there are too many; then none of the body counts.
pub fn decode_bulk(
    body: &[u8],
    default_index: Option<&str>,
    context: &Context<'_>,
) -> Result<(Decoded, BulkItems), DecodeError> {
    let body = String::from_utf8_lossy(body);
    let in_json = |name| serde_json::to_string(name).expect("every text becomes JSON");
    let default_index = default_index.map(in_json);
    let mut decoder = BulkDecoder {
        builder: BatchBuilder::new(context),
        documents: DocumentReader::default(),
        default_index: default_index.as_deref(),
        raw_indices: Vec::new(),
        places: HashMap::new(),
        items: BulkItems::default(),
        keys: Vec::new(),
    };
    decoder.decode_lines(&body)?;
    let BulkDecoder { builder, items, keys, .. } = decoder;
    let decoded = builder.finish()?;
    Ok((Decoded { record_keys: keys, ..decoded }, items))
}

impl<'a> BulkDecoder<'a, '_> {
    fn decode_lines(&mut self, body: &'a str) -> Result<(), DecodeError> {
        let body = body.strip_prefix('\u{feff}').unwrap_or(body);
        let mut lines = body.split('\n').map(|line| line.trim_matches(JSON_WHITESPACE)).enumerate();
        // Shippers repeat one line of an action for all documents of an index.
        let mut last: Option<(&str, Action<'a>)> = None;
        while let Some((line_index, line)) = lines.next() {
            if line.is_empty() {
                continue;
            }
            let action = match last.take() {
                Some((same, action)) if same == line => action,
                _ => read_action(line).map_err(|what| broken_action(line_index + 1, &what))?,
            };
            self.builder.start_record()?;
            let source = if action.kind == BulkAction::Delete { None } else { lines.next() };
            self.decode_item(&action, source.map(|(_, source)| source));
            last = Some((line, action));
        }
        if self.items.items.is_empty() {
            return Err(DecodeError::malformed("the body holds no action"));
        }
        Ok(())
    }

    fn decode_item(&mut self, action: &Action<'a>, source: Option<&'a str>) {
        let (id, id_fault) = match id_of(&action.id) {
            Ok(id) => (id, None),
            Err(fault) => (None, Some(fault)),
        };
        let index = self.intern(action.raw_index.or(self.default_index).unwrap_or_default());
        let stored = id_fault.map_or_else(|| self.push(action.kind, index, source), Err);
        let fault = match stored {
            Ok(()) => {
                let key = id.map(|id| RecordKey::of(&self.items.indices[index], id));
                self.keys.push(key);
                None
            }
            Err(fault) => {
                let described = BulkFault { code: fault.code, detail: fault.detail.clone() };
                self.builder.end_with_fault(fault);
                Some(Box::new(described))
            }
        };
        let id = id.map(Box::from);
        self.items.items.push(BulkItem { action: action.kind, index, id, fault });
    }

    /// Puts the document of an item into the batch.
    fn push(&mut self, kind: BulkAction, index: usize, source: Option<&'a str>) -> Result<(), Fault> {
        let fault = |code, detail: &str| Fault { field: None, code, detail: detail.to_owned() };
        if !matches!(kind, BulkAction::Create | BulkAction::Index) {
            let detail =
                "logs are never changed, and deleted by query-svc: only create and index are supported";
            return Err(fault(codes::UNSUPPORTED_ACTION, detail));
        }
        let (name, raw_name) = (&self.items.indices[index], self.raw_indices[index]);
        if name.is_empty() {
            return Err(fault(codes::NO_INDEX, "index is missing"));
        }
        let Some(source) = source else { return Err(fault(codes::REQUIRED, "source is missing")) };
        let context = self.builder.context();
        let record = self.documents.read(source, (name, raw_name), context)?;
        self.builder.end_with(&record);
        Ok(())
    }

    /// Returns the place of an index, which is given as JSON; empty: there is none.
    fn intern(&mut self, raw_index: &'a str) -> usize {
        // There are few, and mostly one.
        if self.raw_indices.last() == Some(&raw_index) {
            return self.raw_indices.len() - 1;
        }
        if let Some(place) = self.places.get(raw_index) {
            return *place;
        }
        let name = match Value::of_raw(raw_index) {
            Value::Text(name) => name.into_owned(),
            _ => String::new(),
        };
        self.places.insert(raw_index, self.raw_indices.len());
        self.raw_indices.push(raw_index);
        self.items.indices.push(name);
        self.raw_indices.len() - 1
    }
}

/// Reads the line of an action, or says what is wrong with it.
fn read_action(line: &str) -> Result<Action<'_>, String> {
    let read: ActionLine<'_> = serde_json::from_str(line)
        .map_err(|error| error.to_string().replace(" at line 1 column ", " at column "))?;
    let ActionLine { create, index, update, delete } = read;
    let kinds = [BulkAction::Create, BulkAction::Index, BulkAction::Update, BulkAction::Delete];
    let values = [create, index, update, delete];
    let mut named = kinds.into_iter().zip(values).filter_map(|(kind, value)| Some((kind, value?.get())));
    let (Some((kind, meta)), None) = (named.next(), named.next()) else {
        return Err("expected one of create, index, update and delete".to_owned());
    };
    let Some(mut rest) = meta.strip_prefix('{') else {
        return Err("what follows the name of the action has to be an object".to_owned());
    };
    let mut action = Action { kind, raw_index: None, id: Value::Absent };
    while let Some((raw_name, raw_value, _, after)) = next_member(rest) {
        match raw_name {
            "_index" if raw_value != "null" => action.raw_index = Some(raw_value),
            "_id" => action.id = Value::of_raw(raw_value),
            _ => {}
        }
        rest = after;
    }
    Ok(action)
}

#[cold]
fn broken_action(line_number: usize, what: &str) -> DecodeError {
    DecodeError::malformed(format!("Malformed action/metadata line [{line_number}]: {what}"))
}

/// Returns the `_id` of an action, if it names one.
fn id_of<'v>(id: &'v Value<'_>) -> Result<Option<&'v str>, Fault> {
    let fault = |detail| Err(Fault { field: Some("_id".to_owned()), code: codes::INVALID_ID, detail });
    let id: &str = match id {
        Value::Absent => return Ok(None),
        Value::Text(Cow::Borrowed(id)) | Value::Number(Cow::Borrowed(id)) => id,
        Value::Text(Cow::Owned(id)) | Value::Number(Cow::Owned(id)) => id,
        other => return fault(format!("_id has to be a text, not {}", other.kind())),
    };
    match id.len() {
        0 => fault("if _id is specified it must not be empty".to_owned()),
        1..=ID_MAX_BYTES => Ok(Some(id)),
        bytes => fault(format!("_id has {bytes} bytes of UTF-8, at most {ID_MAX_BYTES} are accepted")),
    }
}
