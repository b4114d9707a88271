//! `DELETE /logs`

use domain::Principal;
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::Problem;
use serde_json::json;
use store::AuditAction;

use super::Context;
use crate::params::{Query, read_filter};

/// The answer to a delete.
#[derive(ApiResponse)]
pub(super) enum DeleteAnswer {
    /// How many logs were deleted, or would be.
    #[oai(status = 200)]
    Deleted(Json<Deleted>),
}

/// What a delete did.
#[derive(Object)]
#[oai(rename = "Deleted", read_only_all)]
pub(super) struct Deleted {
    /// The same for people.
    message: String,
    /// How many logs were deleted, or with `dry_run` would be: exact.
    deleted: u64,
    /// Whether nothing was deleted in fact.
    dry_run: bool,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<DeleteAnswer> {
    let mut query = Query::of(request)?;
    let dry_run = query.take_switch("dry_run")?;
    let filter = read_filter(&mut query, context.clock.now(), true)?;
    query.finish()?;
    if filter.is_everything() {
        let detail = "a delete needs at least one filter, such as before=now-30d or service=payment-service";
        return Err(Problem::bad_request("filter_required", detail).into());
    }
    let deleted = context.store.delete(&key.tenant, &filter, dry_run).await.map_err(Problem::from)?;
    if !dry_run {
        tracing::info!(caller = %key.caller, tenant = %key.tenant, deleted, "logs deleted by request");
        let filter = request.uri().query().unwrap_or_default();
        let details = [("filter", json!(filter)), ("deleted", json!(deleted))];
        context.note_done(key, request, AuditAction::LogsDeleted, String::new(), details).await;
    }
    let message = if dry_run { "log(s) would be deleted" } else { "log(s) deleted" };
    Ok(DeleteAnswer::Deleted(Json(Deleted { message: format!("{deleted} {message}"), deleted, dry_run })))
}
