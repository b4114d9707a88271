//! `GET /logs/tail`

use domain::{Principal, Scope};
use futures_util::StreamExt;
use poem::{Body, Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::{Problem, Standing};
use tokio::time::sleep;

use super::payloads::Events;
use super::{Context, too_many};
use crate::params::{Query, read_filter};
use crate::tail::Start;

/// The header that says which event a client has seen last.
const LAST_EVENT_ID: &str = "last-event-id";

/// The same as a query parameter, for clients that cannot set headers.
const LAST_EVENT_ID_PARAMETER: &str = "last_event_id";

/// The answer to who follows logs.
#[derive(ApiResponse)]
pub(super) enum TailAnswer {
    /// Events, until the client has enough of them, the key stops working, the service stops, or an hour is over: then come back with `Last-Event-ID`, as clients do by themselves.
    #[oai(status = 200)]
    Following(
        Events,
        /// That nobody may keep the answer.
        #[oai(header = "Cache-Control")]
        String,
        /// That no proxy may hold events back.
        #[oai(header = "X-Accel-Buffering")]
        String,
    ),
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<TailAnswer> {
    let mut query = Query::of(request)?;
    let last_event_id = read_last_event_id(request, &mut query)?;
    let filter = read_filter(&mut query, context.clock.now(), false)?;
    query.finish()?;
    let standing = Standing::of(request, Scope::Read)?;
    let tails = &context.streams.tails;
    let place =
        tails.take_place(&key.tenant).map_err(|taken| too_many("live tails", "too_many_tails", taken))?;
    let start = Start::of(last_event_id, &filter);
    let position = start.position(&*context.streams.store, &key.tenant, context.deadline()).await;
    let position = position.map_err(Problem::from)?;

    let tail = tails.start(place, &key.tenant, filter, position);
    let (readiness, max_time) = (context.streams.readiness.clone(), tails.max_time());
    let over = async move {
        tokio::select! {
            () = sleep(max_time) => {}
            () = readiness.switched_off() => {}
            () = standing.lost() => {}
        }
    };
    let body = Body::from_bytes_stream(tail.into_stream().take_until(Box::pin(over)));
    Ok(TailAnswer::Following(Events(body), "no-cache, no-store, no-transform".to_owned(), "no".to_owned()))
}

/// Reads which event the client has seen last. What a browser says itself, when it comes back, is newer than the address.
fn read_last_event_id(request: &Request, query: &mut Query) -> Result<Option<i64>, Problem> {
    let from_query = query.take_one(LAST_EVENT_ID_PARAMETER)?;
    if let Some(value) = request.headers().get(LAST_EVENT_ID) {
        let id = value.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|id| *id >= 0);
        let detail = "the header Last-Event-ID is not the id of an event: expected an integer, at least 0";
        return id.map(Some).ok_or_else(|| Problem::bad_request("invalid_last_event_id", detail));
    }
    let Some(text) = from_query else { return Ok(None) };
    let id = text.parse().ok().filter(|id| *id >= 0);
    let reason = "expected the id of an event, an integer, at least 0";
    id.map(Some).ok_or_else(|| Problem::invalid_parameter(LAST_EVENT_ID_PARAMETER, reason))
}
