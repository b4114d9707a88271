//! `GET /logs`

use std::time::{Duration, Instant};

use domain::{Cursor, Page, Principal};
use form_urlencoded::Serializer;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::{JsonText, Problem};
use store::{SearchPage, StoreError};

use super::QueryApi;
use super::record_schema::LogRecordSchema;
use crate::params::{Query, read_filter, read_page};

/// How long a search may take.
const SEARCH_MAX: Duration = Duration::from_secs(30);

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

pub(super) async fn handle(api: &QueryApi, key: &Principal, request: &Request) -> Result<LogsAnswer> {
    let mut query = Query::of(request)?;
    let filter = read_filter(&mut query, api.clock.now(), false)?;
    let page = read_page(&mut query)?;
    query.finish()?;
    let deadline = Instant::now() + SEARCH_MAX;
    let found = api.store.search(&key.tenant, &filter, &page, deadline).await.map_err(Problem::from)?;
    if !found.complete {
        return Err(Problem::from(StoreError::DeadlineExceeded).into());
    }
    let cursor = next_cursor(&found, &page);
    let link = cursor.as_ref().map(|cursor| next_link(request, &page, cursor));
    Ok(LogsAnswer::Found(JsonText::from_serialize(&found.records)?, link, cursor))
}

fn next_cursor(found: &SearchPage, page: &Page) -> Option<String> {
    found.next.map(|position| Cursor { order: page.order, position }.encode())
}

/// Returns the value of the header `Link`: the same question, from where this page ended.
fn next_link(request: &Request, page: &Page, cursor: &str) -> String {
    let query = request.uri().query().unwrap_or_default();
    let mut next = Serializer::new(String::new());
    next.extend_pairs(
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| !PAGING_NAMES.contains(&name.as_ref())),
    );
    next.append_pair("limit", &page.limit.to_string()).append_pair("cursor", cursor);
    format!("<{}?{}>; rel=\"next\"", request.original_uri().path(), next.finish())
}
