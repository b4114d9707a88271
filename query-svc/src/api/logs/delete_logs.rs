//! `DELETE /logs`

use std::net::IpAddr;

use domain::{Filter, Principal};
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{Problem, client_address};
use serde_json::json;
use store::{AuditAction, StoreError};

use super::Context;
use super::noting::Note;
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
    let deleted = if dry_run {
        context.store.delete(&key.tenant, &filter, true).await
    } else {
        let sent = request.uri().query().unwrap_or_default().to_owned();
        let delete = delete_and_note(context.clone(), key.clone(), client_address(request), filter, sent);
        // In a task of its own: a client that goes away takes no note with it.
        tokio::spawn(delete).await.map_err(Problem::internal)?
    };
    let deleted = deleted.map_err(Problem::from)?;
    let message = if dry_run { "log(s) would be deleted" } else { "log(s) deleted" };
    Ok(DeleteAnswer::Deleted(Json(Deleted { message: format!("{deleted} {message}"), deleted, dry_run })))
}

/// Deletes, and notes how much; or that it failed, for some may be deleted then.
async fn delete_and_note(
    context: Context,
    key: Principal,
    address: Option<IpAddr>,
    filter: Filter,
    sent: String,
) -> Result<u64, StoreError> {
    let outcome = context.store.delete(&key.tenant, &filter, false).await;
    let (name, value) = match &outcome {
        // Nothing was begun.
        Err(StoreError::TooManyQuestions { .. }) => return outcome,
        Ok(deleted) => ("deleted", json!(deleted)),
        Err(error) => ("failed", json!(error.to_string())),
    };
    tracing::info!(caller = %key.caller, tenant = %key.tenant, outcome = %value, "logs deleted by request");
    let details = [("filter", json!(sent)), (name, value)];
    context.note_done(address, Note::by(&key, AuditAction::LogsDeleted, "").with(details)).await;
    outcome
}
