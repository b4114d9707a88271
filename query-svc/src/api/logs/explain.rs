//! `GET /api/v1/query/explain`

use std::time::Instant;

use domain::condition::{TextField, TextTest};
use domain::limits::PAGE_DEFAULT_ROWS;
use domain::query::Explained;
use domain::{Clause, Condition, Filter, Principal, SeveritySet, TimeRange};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::JsonText;
use serde::Serialize;
use store::Effort;

use super::Context;
use super::envelope::milliseconds_since;
use super::find::{answer, read};

/// The answer to a request to explain a search.
#[derive(ApiResponse)]
pub(super) enum ExplainAnswer {
    /// What the search means, and what it takes.
    #[oai(status = 200)]
    Explained(JsonText<ExplanationSchema>),
}

/// What a search means, and what its first page takes.
#[derive(Object)]
#[oai(rename = "QueryExplanation", read_only_all)]
pub(super) struct ExplanationSchema {
    /// All filters as one tree: `{"and":[]}`, `{"or":[]}`, `{"not":{}}` and tests of fields,
    /// `{"field":"message","op":"phrase","value":"timeout"}`.
    tree: serde_json::Value,
    /// What the search had to look at.
    plan: Plan,
    /// How many logs the page has.
    found: u64,
    /// Whether the search was done in the time that it may take.
    complete: bool,
    /// How long the search took, in milliseconds.
    query_time_ms: f64,
}

/// What a search had to look at.
#[derive(Default, Object, Serialize)]
#[oai(rename = "QueryPlan", read_only_all)]
struct Plan {
    /// Blocks of logs that lie in the time that is asked for, as far as the search went.
    blocks_considered: u64,
    /// Of these, the ones that their services, severities, times and ids ruled out.
    blocks_ruled_out_by_summary: u64,
    /// Of these, the ones that their token filters ruled out.
    blocks_ruled_out_by_tokens: u64,
    /// The blocks that were read: the ids of the first hundred.
    blocks_read: Vec<i64>,
    /// How many blocks were read.
    blocks_read_count: u64,
    /// The words that token filters were asked for.
    tokens: Vec<String>,
    /// The slices of token filters that were read.
    token_slices_read: u64,
    /// How many logs were looked at one by one, as far as times, services and severities tell.
    records_considered: u64,
    /// How many logs' texts were decoded.
    records_decoded: u64,
}

#[derive(Serialize)]
struct Explanation<'a> {
    tree: Explained<'a>,
    plan: Plan,
    found: usize,
    complete: bool,
    query_time_ms: f64,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<ExplainAnswer> {
    let question = read(context, key, request, PAGE_DEFAULT_ROWS)?;
    let tree = whole(&question.filter);
    let begun = Instant::now();
    let found = answer(context, key, question).await?;
    let explanation = Explanation {
        tree: Explained(&tree),
        plan: found.effort.into(),
        found: found.records.len(),
        complete: found.is_complete,
        query_time_ms: milliseconds_since(begun),
    };
    Ok(ExplainAnswer::Explained(JsonText::from_serialize(&explanation)?))
}

/// Returns all parts of a filter as one condition.
fn whole(filter: &Filter) -> Condition {
    let mut tree = Condition::EVERYTHING;
    if let Some(services) = &filter.services {
        let is = |name: &String| {
            // As it was written: a service's name is compared in its own case.
            Condition::Is(Clause::Text(TextField::Service, TextTest::Equals(name.clone())))
        };
        let mut names: Vec<Condition> = services.iter().map(is).collect();
        tree.and(if names.len() == 1 { names.remove(0) } else { Condition::Any(names) });
    }
    if filter.severities != SeveritySet::ALL {
        tree.and(Condition::Is(Clause::Severity(filter.severities)));
    }
    if filter.timestamp != TimeRange::default() {
        tree.and(Condition::Is(Clause::Timestamp(filter.timestamp)));
    }
    if filter.received_at != TimeRange::default() {
        tree.and(Condition::Is(Clause::ReceivedAt(filter.received_at)));
    }
    tree.and(filter.condition.clone());
    tree
}

impl From<Effort> for Plan {
    fn from(effort: Effort) -> Self {
        Self {
            blocks_considered: effort.blocks_considered,
            blocks_ruled_out_by_summary: effort.blocks_ruled_out_by_summary,
            blocks_ruled_out_by_tokens: effort.blocks_ruled_out_by_tokens,
            blocks_read: effort.blocks_read,
            blocks_read_count: effort.blocks_read_count,
            tokens: effort.tokens,
            token_slices_read: effort.token_slices_read,
            records_considered: effort.records_considered,
            records_decoded: effort.records_decoded,
        }
    }
}
