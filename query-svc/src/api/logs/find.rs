//! One page of a search: what every operation that answers with logs has in common.

use std::time::Instant;

use domain::limits::PAGE_DEFAULT_ROWS;
use domain::{LogRecord, PageStart, Principal};
use form_urlencoded::Serializer;
use poem::Request;
use sentinel_http::Problem;
use store::{Effort, StoreError};

use super::Context;
use crate::params::{Query, Question, read_filter, read_paging};
use crate::turn::Turn;

/// The names of paging parameters that give way to `limit` and `cursor` in the address of the next page.
const PAGING_NAMES: [&str; 6] = ["limit", "cursor", "offset", "skip", "page", "page_size"];

/// A page of logs that was found.
pub(super) struct FoundPage {
    /// What was asked for.
    pub(super) question: Question,
    /// When everything has to be done.
    pub(super) deadline: Instant,
    /// The logs.
    pub(super) records: Vec<LogRecord>,
    /// The cursor of the next page, if there is one.
    pub(super) cursor: Option<String>,
    /// Whether the page is as long as it was asked for, or the last one.
    pub(super) is_complete: bool,
    /// What it took.
    pub(super) effort: Effort,
    /// Its turn, which ends with it: when the answer is written.
    pub(super) turn: Turn,
}

/// Reads what the query string of a request asks for.
pub(super) fn read(
    context: &Context,
    key: &Principal,
    request: &Request,
    default_rows: u32,
) -> Result<Question, Problem> {
    let mut query = Query::of(request)?;
    let paging = read_paging(&mut query, context.clock.now(), default_rows)?;
    let filter = read_filter(&mut query, paging.now(), false)?;
    query.finish()?;
    paging.of(&key.tenant, filter)
}

/// Finds the page that the query string of a request asks for.
pub(super) async fn find(
    context: &Context,
    key: &Principal,
    request: &Request,
) -> Result<FoundPage, Problem> {
    answer(context, key, read(context, key, request, PAGE_DEFAULT_ROWS)?).await
}

/// Finds a page.
pub(super) async fn answer(
    context: &Context,
    key: &Principal,
    question: Question,
) -> Result<FoundPage, Problem> {
    let deadline = context.deadline();
    let turn = context.turns.take(&key.tenant, deadline, 1).await?;
    let found = turn.store.search(&key.tenant, &question.filter, &question.page, deadline).await?;
    let is_short_of_offset =
        matches!(question.page.start, PageStart::Offset(1..)) && found.records.is_empty();
    if !found.complete && is_short_of_offset {
        // A cursor would lead on among the rows that were to be skipped.
        return Err(StoreError::DeadlineExceeded.into());
    }
    let cursor = found.next.map(|position| question.cursor_behind(position));
    let (records, effort) = (found.records, found.effort);
    Ok(FoundPage { question, deadline, records, cursor, is_complete: found.complete, effort, turn })
}

impl FoundPage {
    /// Returns the value of the header `Link`, if there is a next page: the same question in the client's own words,
    /// from where this page ended.
    pub(super) fn link(&self, request: &Request) -> Option<String> {
        self.cursor.as_ref().map(|cursor| next_link(request, self.question.page.limit, cursor))
    }
}

fn next_link(request: &Request, limit: u32, cursor: &str) -> String {
    let query = request.uri().query().unwrap_or_default();
    let mut next = Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !PAGING_NAMES.contains(&name.as_ref()) {
            next.append_pair(&name, &value);
        }
    }
    next.append_pair("limit", &limit.to_string()).append_pair("cursor", cursor);
    format!("<{}?{}>; rel=\"next\"", request.original_uri().path(), next.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_asks_the_same_again_in_the_words_of_the_client() {
        let query = "service=now-1h&service=a%5C%2Cb&from=now-1h&attr.a.b=c&order=asc&page=3&page_size=5";
        let request = Request::builder().uri_str(format!("/logs?{query}")).finish();

        let link = next_link(&request, 5, "C");

        let expected = "?service=now-1h&service=a%5C%2Cb&from=now-1h&attr.a.b=c&order=asc&limit=5&cursor=C>; rel=\"next\"";
        assert!(link.ends_with(expected), "{link}");
    }
}
