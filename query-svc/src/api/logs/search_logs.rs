//! `GET /logs`

use domain::Principal;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::JsonText;

use super::Context;
use super::find::find;
use super::record_schema::LogRecordSchema;

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
        /// `false` when the time that a search may take was over before the page was full: `Link` leads on.
        #[oai(header = "X-Complete")]
        Option<String>,
    ),
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<LogsAnswer> {
    let found = find(context, key, request).await?;
    let link = found.link(request);
    let complete = (!found.is_complete).then(|| "false".to_owned());
    Ok(LogsAnswer::Found(JsonText::from_serialize(&found.records)?, link, found.cursor, complete))
}
