//! `GET /logs/{id}`

use domain::Principal;
use poem::Result;
use poem_openapi::ApiResponse;
use sentinel_http::{JsonText, Problem};

use super::Context;
use super::record_schema::LogRecordSchema;

/// The answer to a request for one log.
#[derive(ApiResponse)]
pub(super) enum LogAnswer {
    /// The log.
    #[oai(status = 200)]
    Found(JsonText<LogRecordSchema>),
}

pub(super) async fn handle(context: &Context, key: &Principal, id: i64) -> Result<LogAnswer> {
    let record = context.store.get(&key.tenant, id).await.map_err(Problem::from)?;
    let record = record.ok_or_else(|| Problem::not_found(format!("there is no log with id {id}")))?;
    Ok(LogAnswer::Found(JsonText::from_serialize(&record)?))
}
