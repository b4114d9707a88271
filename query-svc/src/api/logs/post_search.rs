//! `POST /api/v1/logs/search`

use domain::Principal;
use domain::limits::PAGE_DEFAULT_ROWS;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::JsonText;

use super::Context;
use super::envelope::{EnvelopeSchema, envelop};
use super::search_body::SearchBody;
use crate::params::Query;

/// The answer to a search that came as a body.
#[derive(ApiResponse)]
pub(super) enum FoundAnswer {
    /// The logs, in order, how many there are in all, and of which kinds.
    #[oai(status = 200)]
    Found(JsonText<EnvelopeSchema>),
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    body: SearchBody,
) -> Result<FoundAnswer> {
    Query::of(request)?.finish()?;
    let question = body.read(key, context.clock.now(), PAGE_DEFAULT_ROWS)?;
    Ok(FoundAnswer::Found(envelop(context, key, question, true).await?.text))
}
