//! The body of `POST /api/v1/logs/search`.

use domain::{Principal, Timestamp};
use poem_openapi::Object;
use sentinel_http::Problem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json_body::{BodySchema, JsonBody};
use crate::params::{Query, Question, narrow_by_lists, read_filter, read_paging};

/// A search as a client sends it.
pub(super) type SearchBody = JsonBody<SearchSchema>;

/// What to look for. Everything may be missing; `{}` asks for the newest logs.
#[derive(Object)]
#[oai(rename = "LogSearch", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct SearchSchema {
    /// The filter language, as the parameter `q` has it. Example: `timeout`.
    query: Option<String>,
    /// Only logs of these services; empty: all.
    services: Option<Vec<String>>,
    /// Only logs of these severities, in any spelling; empty: all.
    levels: Option<Vec<String>>,
    /// Only logs that happened at this time or later: a text, or a number since the Unix epoch.
    start_time: Option<serde_json::Value>,
    /// Only logs that happened at this time or earlier: a text, or a number since the Unix epoch.
    end_time: Option<serde_json::Value>,
    /// Most logs to return; more than 1000 is served as 1000. Missing: 100.
    #[oai(validator(minimum(value = "1")))]
    limit: Option<u64>,
    /// How many logs to skip.
    offset: Option<u64>,
    /// Where the last page ended: its `next_cursor`, instead of `offset`.
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchText<'a> {
    query: Option<String>,
    services: Option<Vec<String>>,
    levels: Option<Vec<String>>,
    // As they are written: a number, or a text with one or a time.
    #[serde(borrow)]
    start_time: Option<&'a RawValue>,
    #[serde(borrow)]
    end_time: Option<&'a RawValue>,
    #[serde(borrow)]
    limit: Option<&'a RawValue>,
    #[serde(borrow)]
    offset: Option<&'a RawValue>,
    cursor: Option<String>,
}

impl BodySchema for SearchSchema {
    const DESCRIPTION: &'static str = "The search.";
    const NAME: &'static str = "search";
}

impl SearchBody {
    /// Reads what is asked for, by the rules for query strings.
    ///
    /// # Errors
    /// A 400 with the reason.
    pub(super) fn read(
        &self,
        key: &Principal,
        now: Timestamp,
        default_rows: u32,
    ) -> Result<Question, Problem> {
        let text: SearchText<'_> = self.parse()?;
        let mut pairs = Vec::new();
        let mut give = |name: &str, value: Option<String>| {
            pairs.extend(value.map(|value| (name.to_owned(), value)));
        };
        give("query", text.query);
        give("start_time", text.start_time.map(time_text));
        give("end_time", text.end_time.map(time_text));
        give("limit", text.limit.map(|number| number.get().to_owned()));
        give("offset", text.offset.map(|number| number.get().to_owned()));
        give("cursor", text.cursor);

        let mut query = Query::from_pairs(pairs);
        let paging = read_paging(&mut query, now, default_rows)?;
        let mut filter = read_filter(&mut query, paging.now(), false)?;
        query.finish()?;
        narrow_by_lists(&mut filter, text.services.unwrap_or_default(), &text.levels.unwrap_or_default())?;
        paging.of(&key.tenant, filter)
    }
}

/// Returns a time as a query string has it: a text without its quotes, a number as it is. What is neither is refused
/// as a time.
fn time_text(json: &RawValue) -> String {
    serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned())
}
