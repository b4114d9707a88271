//! `GET /logs`

use std::time::{Duration, Instant};

use domain::{Cursor, Filter, LogRecord, Page, Principal, Timestamp};
use form_urlencoded::Serializer;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::{JsonText, Problem};
use store::{SearchPage, StoreError};

use super::QueryApi;
use super::record_schema::LogRecordSchema;
use crate::params::{Query, fixed_time, read_filter, read_page};

/// How long a search may take.
pub(super) const SEARCH_MAX: Duration = Duration::from_secs(30);

/// The names of paging parameters that give way to `limit` and `cursor` in the address of the next page.
const PAGING_NAMES: [&str; 6] = ["limit", "cursor", "offset", "skip", "page", "page_size"];

/// The answer to a search.
#[derive(ApiResponse)]
pub(super) enum LogsAnswer {
    /// The logs, in order.
    #[oai(status = 200)]
    Found(
        JsonText<Vec<LogRecordSchema>>,
        /// The address of the next page, if there is one: `<...>; rel="next"`.
        #[oai(header = "Link")]
        Option<String>,
        /// The cursor of the next page, if there is one.
        #[oai(header = "X-Next-Cursor")]
        Option<String>,
    ),
}

/// A page of logs that was found.
pub(super) struct FoundPage {
    /// What was asked for.
    pub(super) filter: Filter,
    /// Which slice of it.
    pub(super) page: Page,
    /// When the search has to be done.
    pub(super) deadline: Instant,
    /// The logs.
    pub(super) records: Vec<LogRecord>,
    /// The cursor of the next page, if there is one.
    pub(super) cursor: Option<String>,
    /// The value of the header `Link`, if there is a next page.
    pub(super) link: Option<String>,
}

pub(super) async fn handle(api: &QueryApi, key: &Principal, request: &Request) -> Result<LogsAnswer> {
    let found = find(api, key, request).await?;
    Ok(LogsAnswer::Found(JsonText::from_serialize(&found.records)?, found.link, found.cursor))
}

/// Finds the page that a request asks for.
pub(super) async fn find(api: &QueryApi, key: &Principal, request: &Request) -> Result<FoundPage, Problem> {
    let mut query = Query::of(request)?;
    let now = api.clock.now();
    let filter = read_filter(&mut query, now, false)?;
    let page = read_page(&mut query)?;
    query.finish()?;
    let deadline = Instant::now() + SEARCH_MAX;
    let found = api.store.search(&key.tenant, &filter, &page, deadline).await?;
    if !found.complete {
        return Err(StoreError::DeadlineExceeded.into());
    }
    let cursor = next_cursor(&found, &page);
    let link = cursor.as_ref().map(|cursor| next_link(request, &page, cursor, now));
    Ok(FoundPage { filter, page, deadline, records: found.records, cursor, link })
}

fn next_cursor(found: &SearchPage, page: &Page) -> Option<String> {
    found.next.map(|position| Cursor { order: page.order, position }.encode())
}

/// Returns the value of the header `Link`: the same question, from where this page ended.
fn next_link(request: &Request, page: &Page, cursor: &str, now: Timestamp) -> String {
    let query = request.uri().query().unwrap_or_default();
    let mut next = Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if PAGING_NAMES.contains(&name.as_ref()) {
            continue;
        }
        match fixed_time(&name, &value, now) {
            Some(time) => next.append_pair(&name, &time.to_string()),
            None => next.append_pair(&name, &value),
        };
    }
    next.append_pair("limit", &page.limit.to_string()).append_pair("cursor", cursor);
    format!("<{}?{}>; rel=\"next\"", request.original_uri().path(), next.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(query: &str) -> String {
        let now = Timestamp::parse("2025-04-01T12:00:00.000001Z").unwrap();
        let request = Request::builder().uri_str(format!("/logs?{query}")).finish();
        next_link(&request, &Page { limit: 5, ..Page::default() }, "C", now)
    }

    #[test]
    fn relative_times_stand_still_during_a_walk() {
        let next = link("from=now-1h&to=now&received_at_end=now%2B1d&limit=9");
        let expected = "from=2025-04-01T11%3A00%3A00.000001Z&to=2025-04-01T12%3A00%3A00.000001Z\
                        &received_at_end=2025-04-02T12%3A00%3A00.000001Z&limit=5&cursor=C>; rel=\"next\"";
        assert!(next.ends_with(expected), "{next}");
    }

    #[test]
    fn everything_else_is_asked_again_as_it_was() {
        let next = link("service=now-1h&service=a%5C%2Cb&from=2025-04-01&order=asc&page=3&page_size=5");
        let expected = "?service=now-1h&service=a%5C%2Cb&from=2025-04-01&order=asc&limit=5&cursor=C>";
        assert!(next.contains(expected), "{next}");
    }
}
