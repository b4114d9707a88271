//! `GET /api/v1/logs`, and `GET /api/v1/logs/recent`, which differs in how long a page is.

use domain::Principal;
use poem::{Request, Result};

use super::Context;
use super::envelope::{EnvelopeAnswer, envelop};
use super::find::read;

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    default_rows: u32,
) -> Result<EnvelopeAnswer> {
    let question = read(context, key, request, default_rows)?;
    let enveloped = envelop(context, key, question, false).await?;
    let link = enveloped.found.link(request);
    Ok(EnvelopeAnswer::Found(enveloped.text, link))
}
