//! The parameters that say which slice is meant.

use domain::limits::{OFFSET_MAX_ROWS, PAGE_MAX_ROWS};
use domain::{Cursor, Order, Page, PageStart, Timestamp};
use sentinel_http::Problem;

use super::question::invalid_cursor;
use super::{Paging, Query};

/// Takes the slice out of a query that is asked at `now`. A page has `default_rows` where the client does not say.
///
/// # Errors
/// A 400 that names the parameter; also when two styles of paging are mixed.
pub fn read_paging(query: &mut Query, now: Timestamp, default_rows: u32) -> Result<Paging, Problem> {
    let limit = read_count(query, "limit")?;
    let page_size = read_count(query, "page_size")?;
    let page_number = read_count(query, "page")?;
    let skipped = read_skipped(query)?;
    let order = read_order(query)?;
    let cursor = query.take_one("cursor")?;

    let is_paged = page_number.is_some() || page_size.is_some();
    let styles = [cursor.is_some(), skipped.is_some(), is_paged];
    if styles.into_iter().filter(|used| *used).count() > 1 || (is_paged && limit.is_some()) {
        let detail = "use one style of paging: limit + cursor, limit + offset (or skip), or page + page_size";
        return Err(Problem::bad_request("mixed_paging", detail));
    }
    let cursor = cursor.map(|text| read_cursor(&text, order)).transpose()?;
    let rows = limit.or(page_size).unwrap_or(u64::from(default_rows)).min(u64::from(PAGE_MAX_ROWS));
    let order = cursor.map(|cursor| cursor.order).or(order).unwrap_or_default();
    let start = match (cursor, skipped, page_number) {
        (Some(cursor), _, _) => PageStart::After(cursor.position),
        (None, Some((name, rows)), _) => offset(name, rows)?,
        (None, None, Some(number)) => offset("page", (number - 1).saturating_mul(rows))?,
        (None, None, None) => PageStart::First,
    };
    let limit = u32::try_from(rows).unwrap_or(PAGE_MAX_ROWS);
    let now = cursor.map_or(now, |cursor| cursor.now);
    Ok(Paging { page: Page { limit, order, start }, cursor, now })
}

/// Takes how many rows are asked for, from none to `max`.
///
/// # Errors
/// A 400 that names the parameter.
pub fn read_rows(query: &mut Query, name: &'static str, max: u32) -> Result<Option<u32>, Problem> {
    let Some(rows) = read_integer(query, name)? else { return Ok(None) };
    match u32::try_from(rows).ok().filter(|rows| *rows <= max) {
        Some(rows) => Ok(Some(rows)),
        None => Err(Problem::invalid_parameter(name, format!("is at most {max}"))),
    }
}

/// Takes a count of at least 1.
///
/// # Errors
/// A 400 that names the parameter.
pub fn read_count(query: &mut Query, name: &'static str) -> Result<Option<u64>, Problem> {
    let count = read_integer(query, name)?;
    if count == Some(0) {
        return Err(Problem::invalid_parameter(name, "has to be at least 1"));
    }
    Ok(count)
}

/// Reads how many rows to skip, and by which name.
fn read_skipped(query: &mut Query) -> Result<Option<(&'static str, u64)>, Problem> {
    match (read_integer(query, "offset")?, read_integer(query, "skip")?) {
        (Some(_), Some(_)) => {
            Err(Problem::invalid_parameter("skip", "is the same as offset: give one of them"))
        }
        (Some(rows), None) => Ok(Some(("offset", rows))),
        (None, Some(rows)) => Ok(Some(("skip", rows))),
        (None, None) => Ok(None),
    }
}

/// Reads an integer that is not negative. One that does not fit is as large as can be.
fn read_integer(query: &mut Query, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(text) = query.take_one(name)? else { return Ok(None) };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::invalid_parameter(name, "expected an integer that is not negative"));
    }
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

fn offset(name: &str, rows: u64) -> Result<PageStart, Problem> {
    if rows > OFFSET_MAX_ROWS {
        let reason = format!("reaches beyond row {OFFSET_MAX_ROWS}: go on with cursor, or narrow the filter");
        return Err(Problem::invalid_parameter(name, reason));
    }
    Ok(PageStart::Offset(rows))
}

fn read_order(query: &mut Query) -> Result<Option<Order>, Problem> {
    match query.take_one("order")?.as_deref() {
        None => Ok(None),
        Some("desc") => Ok(Some(Order::Descending)),
        Some("asc") => Ok(Some(Order::Ascending)),
        Some(_) => Err(Problem::invalid_parameter("order", "expected desc or asc")),
    }
}

fn read_cursor(text: &str, order: Option<Order>) -> Result<Cursor, Problem> {
    let cursor = Cursor::decode(text).map_err(invalid_cursor)?;
    if order.is_some_and(|order| order != cursor.order) {
        return Err(Problem::invalid_parameter("order", "the cursor belongs to a walk in the other order"));
    }
    Ok(cursor)
}
