//! What became of each item of a bulk request.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Serialize, Serializer};
use store::RecordOutcome;

use crate::decode::{BulkAction, BulkFault, BulkItem, BulkItems, codes};

/// The answer to a bulk request. What its client does not ask for is `None`.
#[derive(Debug, Serialize)]
pub(super) struct BulkAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    took: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<NamedItem<'a>>>,
}

/// Which members of an answer a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnswerMembers {
    took: bool,
    errors: bool,
    /// Members of items; `None`: all.
    of_items: Option<Vec<String>>,
}

/// An item, by its action's name.
#[derive(Debug)]
struct NamedItem<'a> {
    action: BulkAction,
    item: AnsweredItem<'a>,
}

/// What became of an item.
#[derive(Debug, Default, Serialize)]
struct AnsweredItem<'a> {
    #[serde(rename = "_index", skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(rename = "_version", skip_serializing_if = "Option::is_none")]
    version: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    #[serde(rename = "_shards", skip_serializing_if = "Option::is_none")]
    shards: Option<Shards>,
    #[serde(rename = "_seq_no", skip_serializing_if = "Option::is_none")]
    sequence_number: Option<i64>,
    #[serde(rename = "_primary_term", skip_serializing_if = "Option::is_none")]
    primary_term: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ItemError<'a>>,
}

/// How many copies were made.
#[derive(Debug, Serialize)]
struct Shards {
    total: u8,
    successful: u8,
    failed: u8,
}

/// Why an item is not stored.
#[derive(Debug, Serialize)]
struct ItemError<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    reason: &'a str,
}

/// Says what became of all items; `outcomes` are those of the items without a fault, in their order.
pub(super) fn bulk_answer<'a>(
    items: &'a BulkItems,
    outcomes: &[RecordOutcome],
    took: Duration,
    members: &AnswerMembers,
) -> BulkAnswer<'a> {
    let mut outcomes = outcomes.iter();
    let answered = items.items.iter().map(|item| {
        let index = &items.indices[item.index];
        let outcome = if item.fault.is_none() { outcomes.next() } else { None };
        let answered = outcome.map_or_else(|| refused(item, index), |outcome| stored(item, index, *outcome));
        NamedItem { action: item.action, item: members.choose(answered) }
    });
    let answered: Vec<NamedItem<'_>> = answered.filter(|named| !named.item.is_empty()).collect();
    BulkAnswer {
        took: members.took.then_some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        errors: members.errors.then(|| items.items.iter().any(|item| item.fault.is_some())),
        items: (!answered.is_empty()).then_some(answered),
    }
}

/// Says where a document is: also one that was stored before, which is a success to every client.
fn stored<'a>(item: &'a BulkItem, index: &'a str, outcome: RecordOutcome) -> AnsweredItem<'a> {
    let (status, result) = match outcome {
        RecordOutcome::Stored(_) => (201, "created"),
        RecordOutcome::Repeat(_) => (200, "noop"),
    };
    AnsweredItem {
        index: Some(index),
        id: Some(item.id.as_deref().map_or_else(|| Cow::Owned(outcome.id().to_string()), Cow::Borrowed)),
        version: Some(1),
        result: Some(result),
        shards: Some(Shards { total: 1, successful: 1, failed: 0 }),
        sequence_number: Some(outcome.id()),
        primary_term: Some(1),
        status: Some(status),
        error: None,
    }
}

fn refused<'a>(item: &'a BulkItem, index: &'a str) -> AnsweredItem<'a> {
    let (status, kind) = item.fault.as_ref().map_or((500, "exception"), |fault| status_of(fault));
    let reason = item.fault.as_ref().map_or("not stored", |fault| fault.detail.as_str());
    AnsweredItem {
        index: Some(index),
        id: item.id.as_deref().map(Cow::Borrowed),
        status: Some(status),
        error: Some(ItemError { kind, reason }),
        ..AnsweredItem::default()
    }
}

/// Returns the status and the type of error that Elasticsearch would answer.
fn status_of(fault: &BulkFault) -> (u16, &'static str) {
    match fault.code {
        codes::SERVICE_MISMATCH => (403, "security_exception"),
        codes::UNSUPPORTED_ACTION | codes::NO_INDEX | codes::INVALID_ID | codes::REQUIRED => {
            (400, "illegal_argument_exception")
        }
        codes::INVALID_SERVICE => (400, "invalid_index_name_exception"),
        _ => (400, "document_parsing_exception"),
    }
}

// === impl AnswerMembers ===

impl AnswerMembers {
    const ALL: Self = Self { took: true, errors: true, of_items: None };

    /// Reads `filter_path`, as far as shippers use it: `errors,items.*.error`. Any other means everything.
    pub(super) fn of(filter_path: Option<&str>) -> Self {
        let Some(filter_path) = filter_path.filter(|text| !text.is_empty()) else { return Self::ALL };
        let mut asked = Self { took: false, errors: false, of_items: Some(Vec::new()) };
        for path in filter_path.split(',') {
            match (path, &mut asked.of_items) {
                ("took", _) => asked.took = true,
                ("errors", _) => asked.errors = true,
                ("items", of_items) => *of_items = None,
                (path, Some(names)) => match path.strip_prefix("items.*.") {
                    Some(name) if !name.contains(['*', '.']) => names.push(name.to_owned()),
                    _ => return Self::ALL,
                },
                (path, None) if path.starts_with("items.") => {}
                _ => return Self::ALL,
            }
        }
        asked
    }

    /// Leaves out of an item what its client does not ask for.
    fn choose<'a>(&self, item: AnsweredItem<'a>) -> AnsweredItem<'a> {
        let Some(names) = &self.of_items else { return item };
        let has = |name: &str| names.iter().any(|asked| asked == name);
        AnsweredItem {
            index: item.index.filter(|_| has("_index")),
            id: item.id.filter(|_| has("_id")),
            version: item.version.filter(|_| has("_version")),
            result: item.result.filter(|_| has("result")),
            shards: item.shards.filter(|_| has("_shards")),
            sequence_number: item.sequence_number.filter(|_| has("_seq_no")),
            primary_term: item.primary_term.filter(|_| has("_primary_term")),
            status: item.status.filter(|_| has("status")),
            error: item.error.filter(|_| has("error")),
        }
    }
}

impl AnsweredItem<'_> {
    fn is_empty(&self) -> bool {
        let texts = [self.index.is_some(), self.id.is_some(), self.result.is_some(), self.error.is_some()];
        let numbers = [
            self.version.is_some(),
            self.shards.is_some(),
            self.sequence_number.is_some(),
            self.primary_term.is_some(),
            self.status.is_some(),
        ];
        !texts.into_iter().chain(numbers).any(|is_there| is_there)
    }
}

impl Serialize for NamedItem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match self.action {
            BulkAction::Create => "create",
            BulkAction::Index => "index",
            BulkAction::Update => "update",
            BulkAction::Delete => "delete",
        };
        serializer.collect_map([(name, &self.item)])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn items() -> BulkItems {
        let item = |id: Option<&str>, fault: Option<&'static str>| BulkItem {
            action: BulkAction::Create,
            index: 0,
            id: id.map(Box::from),
            fault: fault.map(|code| Box::new(BulkFault { code, detail: "why".to_owned() })),
        };
        let items = vec![
            item(Some("a"), None),
            item(None, Some(codes::MALFORMED)),
            item(None, None),
            item(Some("b"), Some(codes::SERVICE_MISMATCH)),
        ];
        BulkItems { items, indices: vec!["logs-a".to_owned()] }
    }

    fn answer(filter_path: Option<&str>) -> Value {
        let outcomes = [RecordOutcome::Repeat(7), RecordOutcome::Stored(9)];
        let took = Duration::from_millis(3);
        let (items, members) = (items(), AnswerMembers::of(filter_path));
        serde_json::to_value(bulk_answer(&items, &outcomes, took, &members)).unwrap()
    }

    #[test]
    fn every_item_has_what_became_of_it() {
        let shards = json!({"total": 1, "successful": 1, "failed": 0});
        let error = |kind| json!({"type": kind, "reason": "why"});
        let expected = json!({"took": 3, "errors": true, "items": [
            {"create": {"_index": "logs-a", "_id": "a", "_version": 1, "result": "noop", "_shards": shards,
                        "_seq_no": 7, "_primary_term": 1, "status": 200}},
            {"create": {"_index": "logs-a", "status": 400, "error": error("document_parsing_exception")}},
            {"create": {"_index": "logs-a", "_id": "9", "_version": 1, "result": "created", "_shards": shards,
                        "_seq_no": 9, "_primary_term": 1, "status": 201}},
            {"create": {"_index": "logs-a", "_id": "b", "status": 403, "error": error("security_exception")}},
        ]});
        assert_eq!(answer(None), expected);
        assert_eq!(answer(Some("")), expected);
        assert_eq!(answer(Some("items.*.error.*")), expected, "what is not understood leaves nothing out");
        assert_eq!(answer(Some("-took")), expected);
    }

    #[test]
    fn a_client_gets_the_members_that_it_asks_for() {
        let malformed = json!({"type": "document_parsing_exception", "reason": "why"});
        let forbidden = json!({"type": "security_exception", "reason": "why"});
        let errors = json!([{"create": {"error": malformed}}, {"create": {"error": forbidden}}]);
        assert_eq!(answer(Some("errors,items.*.error")), json!({"errors": true, "items": errors}));
        let statuses = answer(Some("items.*.error,items.*.status"));
        assert_eq!(statuses["items"].as_array().unwrap().len(), 4);
        assert_eq!(statuses["items"][0], json!({"create": {"status": 200}}));
        assert_eq!(answer(Some("took")), json!({"took": 3}));
        assert_eq!(answer(Some("items"))["items"], answer(None)["items"]);
    }
}
