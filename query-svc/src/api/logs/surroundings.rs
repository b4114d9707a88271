//! `GET /logs/{id}/context`

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use domain::condition::{TextField, TextTest};
use domain::limits::PAGE_MAX_ROWS;
use domain::{Clause, Condition, Filter, LogRecord, Order, Page, PageStart, Position, Principal, Tenant};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;
use store::LogStore;
use tokio_util::task::AbortOnDropHandle;

use super::Context;
use super::record_schema::LogRecordSchema;
use crate::params::{Query, read_filter, read_rows};

/// How many logs are shown on either side when the client does not say.
const SIDE_DEFAULT_ROWS: u32 = 10;

/// How many pages are read: one before the log, one after it.
const SIDES: usize = 2;

/// The answer to a request for the logs around one.
#[derive(ApiResponse)]
pub(super) enum SurroundingsAnswer {
    /// The log, and those around it.
    #[oai(status = 200)]
    Found(JsonText<SurroundingsSchema>),
}

/// A log and those around it, oldest first.
#[derive(Object)]
#[oai(rename = "LogContext", read_only_all)]
pub(super) struct SurroundingsSchema {
    /// The logs right before it.
    before: Vec<LogRecordSchema>,
    /// The log.
    log: LogRecordSchema,
    /// The logs right after it.
    after: Vec<LogRecordSchema>,
    /// Whether everything was done in the time that a search may take. False: there may be more on either side, behind
    /// those that are here.
    complete: bool,
}

#[derive(Serialize)]
struct Surroundings {
    before: Vec<LogRecord>,
    log: LogRecord,
    after: Vec<LogRecord>,
    complete: bool,
}

/// What is asked for, beside the log itself.
struct Asked {
    before_rows: u32,
    after_rows: u32,
    /// `None`: what comes from where the log comes from.
    filter: Option<Filter>,
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    id: i64,
) -> Result<SurroundingsAnswer> {
    let asked = read(context, request)?;
    let log = context.store.get(&key.tenant, id).await.map_err(Problem::from)?;
    let log = log.ok_or_else(|| Problem::not_found(format!("there is no log with id {id}")))?;
    let filter = asked.filter.unwrap_or_else(|| of_same_origin(&log));
    let deadline = context.deadline();
    let turn = context.turns.take(&key.tenant, deadline, SIDES).await?;
    let start = PageStart::After(Position { timestamp: log.timestamp, id: log.id });
    let side = |limit, order| {
        beside(
            Arc::clone(&turn.store),
            key.tenant.clone(),
            filter.clone(),
            Page { limit, order, start },
            deadline,
        )
    };
    // Both sides at the same time: each decodes blocks of its own.
    let after = AbortOnDropHandle::new(tokio::spawn(side(asked.after_rows, Order::Ascending)));
    let (mut before, has_all_before) = side(asked.before_rows, Order::Descending).await?;
    let (after, has_all_after) = after.await.map_err(Problem::internal)??;
    before.reverse();
    let surroundings = Surroundings { before, log, after, complete: has_all_before && has_all_after };
    Ok(SurroundingsAnswer::Found(JsonText::from_serialize(&surroundings)?))
}

fn read(context: &Context, request: &Request) -> Result<Asked, Problem> {
    let mut query = Query::of(request)?;
    let before_rows = read_rows(&mut query, "before", PAGE_MAX_ROWS)?.unwrap_or(SIDE_DEFAULT_ROWS);
    let after_rows = read_rows(&mut query, "after", PAGE_MAX_ROWS)?.unwrap_or(SIDE_DEFAULT_ROWS);
    let given = query.remaining();
    let filter = read_filter(&mut query, context.clock.now(), false)?;
    let is_filtered = query.remaining() < given;
    query.finish()?;
    Ok(Asked { before_rows, after_rows, filter: is_filtered.then_some(filter) })
}

/// Selects what comes from the service and the host that `log` comes from; from any host, if it names none.
fn of_same_origin(log: &LogRecord) -> Filter {
    let services = Some(BTreeSet::from([log.service.clone()]));
    let mut filter = Filter { services, ..Filter::default() };
    if !log.host.is_empty() {
        filter.narrow(Condition::Is(Clause::Text(TextField::Host, TextTest::equals(&log.host))));
    }
    filter
}

/// Returns the logs of one side, the nearest first, and whether there was time for all of them.
async fn beside(
    store: Arc<dyn LogStore>,
    tenant: Tenant,
    filter: Filter,
    page: Page,
    deadline: Instant,
) -> Result<(Vec<LogRecord>, bool), Problem> {
    if page.limit == 0 {
        return Ok((Vec::new(), true));
    }
    let found = store.search(&tenant, &filter, &page, deadline).await?;
    Ok((found.records, found.complete))
}
