//! `POST /elasticsearch/_bulk`

use std::time::Instant;

use domain::Principal;
use poem::{Request, Result};
use sentinel_http::KeyQuotas;

use super::ElasticsearchApi;
use super::answer::EsAnswer;
use super::bulk_answer::{AnswerMembers, bulk_answer};
use super::bulk_body::BulkBody;
use crate::admission::{Delivery, Door, Sender};
use crate::decode::{Context, decode_bulk};

/// Stores what a body asks for; `default_index` is the index of actions that name none.
pub(super) async fn handle(
    api: &ElasticsearchApi,
    key: &Principal,
    default_index: Option<String>,
    filter_path: Option<&str>,
    request: &Request,
    body: BulkBody,
) -> Result<EsAnswer> {
    let started = Instant::now();
    let BulkBody { bytes, wire_bytes } = body;
    let delivery = Delivery {
        door: Door::Elasticsearch,
        body: bytes,
        wire_bytes,
        atomic: false,
        // Each document may have a name of its own, which makes its repeat harmless.
        idempotency_key: None,
        format: 0,
    };
    let sender = Sender { principal: key, quotas: KeyQuotas::of(request) };
    let decode =
        move |body: &[u8], context: &Context<'_>| decode_bulk(body, default_index.as_deref(), context);
    let (admitted, items) = api.admission.admit(sender, delivery, decode).await?;
    let took = started.elapsed();
    let members = AnswerMembers::of(filter_path);
    Ok(EsAnswer::new(request, &bulk_answer(&items, &admitted.outcomes, took, &members)))
}
