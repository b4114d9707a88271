//! `GET /api/v1/metrics/categories`

use domain::condition::{AttributePath, AttributeTest};
use domain::{Clause, Condition, LogRecord, Principal, Timestamp};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::JsonText;
use serde::Serialize;

use super::Context;
use super::asked::{AskedSpan, SPAN_DEFAULT_SECONDS};
use super::category_tally::{CATEGORIES_MAX, Category, CategoryTally, Times};
use super::scan_newest::{ScanBounds, scan_newest};
use crate::params::Query;

/// The attribute that says which category a log belongs to.
const CATEGORY: &str = "category";

/// Most logs that are looked at, the newest.
const LOGS_MAX: usize = 1_000_000;

/// The answer to a request for counts by category.
#[derive(ApiResponse)]
pub(super) enum CategoriesAnswer {
    /// The counts.
    #[oai(status = 200)]
    Counted(JsonText<CategoriesSchema>),
}

/// Counts of the logs of a span of time that have the attribute `category`.
#[derive(Object)]
#[oai(rename = "MetricsCategories", read_only_all)]
pub(super) struct CategoriesSchema {
    /// The first moment that was counted: RFC 3339, UTC.
    from: String,
    /// The first moment that was no longer counted: RFC 3339, UTC.
    to: String,
    /// The categories, those with the most logs first.
    categories: Vec<CategorySchema>,
    /// How many logs with a category were looked at, the newest first.
    sampled: u64,
    /// Most categories that are told apart.
    categories_max: u64,
    /// How many logs have a further category, or one of more than 256 bytes.
    other: u64,
    /// Whether every log was looked at, and every category told apart.
    complete: bool,
}

/// Counts of a category's logs.
#[derive(Object)]
#[oai(rename = "MetricsCategory", read_only_all)]
struct CategorySchema {
    /// The value of the attribute `category`.
    category: String,
    /// How many logs.
    count: u64,
    /// How many of them have the attribute `status`.
    with_status: u64,
    /// The share of `SUCCESS`, in any case, among those that have a status; null: none has.
    success_rate: Option<f64>,
    /// The numbers in the attribute `execution_time_seconds`; null: no log has one.
    execution_time_seconds: Option<TimesSchema>,
}

/// The execution times of a category's logs, in seconds.
#[derive(Object)]
#[oai(rename = "ExecutionTimes", read_only_all)]
struct TimesSchema {
    /// How many logs have one.
    count: u64,
    /// The mean of all.
    mean: f64,
    /// At least half of them are at most this.
    p50: f64,
    /// At least 95 of 100 are at most this.
    p95: f64,
    /// The largest of all.
    max: f64,
    /// Of how many the percentiles are: all, or the newest 10000.
    percentiles_of: u64,
}

#[derive(Serialize)]
struct Categories {
    from: Timestamp,
    to: Timestamp,
    categories: Vec<CategoryRow>,
    sampled: usize,
    categories_max: usize,
    other: u64,
    complete: bool,
}

#[derive(Serialize)]
struct CategoryRow {
    category: String,
    count: u64,
    with_status: u64,
    success_rate: Option<f64>,
    execution_time_seconds: Option<TimesRow>,
}

#[derive(Serialize)]
struct TimesRow {
    count: u64,
    mean: f64,
    p50: f64,
    p95: f64,
    max: f64,
    percentiles_of: usize,
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
) -> Result<CategoriesAnswer> {
    let mut query = Query::of(request)?;
    let mut span = AskedSpan::read(&mut query, context.clock.now(), SPAN_DEFAULT_SECONDS)?;
    query.finish()?;
    let path = AttributePath::new(CATEGORY).expect("the name is not empty");
    span.filter.narrow(Condition::Is(Clause::Attribute(path.clone(), AttributeTest::Exists)));
    let bounds = ScanBounds { max_records: LOGS_MAX, deadline: context.deadline() };
    let add = |tally: &mut CategoryTally, record: &LogRecord| tally.add(&record.attributes);
    let tally = CategoryTally::new(path);
    let scanned = scan_newest(&context.turns, &key.tenant, &span.filter, bounds, tally, add).await?;
    let other = scanned.gathered.other();
    let categories = Categories {
        from: span.from,
        to: span.to,
        categories: scanned.gathered.into_categories().into_iter().map(row).collect(),
        sampled: scanned.records,
        categories_max: CATEGORIES_MAX,
        other,
        complete: scanned.complete && other == 0,
    };
    Ok(CategoriesAnswer::Counted(JsonText::from_serialize(&categories)?))
}

fn row((name, category): (String, Category)) -> CategoryRow {
    let Category { count, with_status, successes, times } = category;
    let success_rate = (with_status > 0).then(|| successes as f64 / with_status as f64);
    let execution_time_seconds = (times.count > 0).then(|| times_row(times));
    CategoryRow { category: name, count, with_status, success_rate, execution_time_seconds }
}

fn times_row(mut times: Times) -> TimesRow {
    times.newest.sort_unstable_by(f64::total_cmp);
    TimesRow {
        count: times.count,
        mean: times.mean(),
        p50: times.percentile(50),
        p95: times.percentile(95),
        max: times.max,
        percentiles_of: times.newest.len(),
    }
}
