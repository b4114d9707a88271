//! `GET /api/v1/metrics/timeseries`

use domain::{Principal, Timestamp};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;
use store::{Buckets, Counts, StoreError};

use super::Context;
use crate::params::{Query, read_series};

/// The answer to a request for counts over time.
#[derive(ApiResponse)]
pub(super) enum SeriesAnswer {
    /// The counts.
    #[oai(status = 200)]
    Counted(JsonText<SeriesSchema>),
}

/// Counts over time.
#[derive(Object)]
#[oai(rename = "Timeseries", read_only_all)]
pub(super) struct SeriesSchema {
    /// How long a bucket is, in seconds.
    #[oai(validator(minimum(value = "1")))]
    interval_seconds: i64,
    /// Where the first bucket starts: RFC 3339, UTC.
    from: String,
    /// Where the time that was counted ends: logs that happened at this time or later are not counted.
    to: String,
    /// How many logs all buckets have.
    total: u64,
    /// The buckets, in order, without a gap.
    buckets: Vec<BucketSchema>,
}

/// How many logs happened in a bucket.
#[derive(Object)]
#[oai(rename = "TimeseriesBucket", read_only_all)]
struct BucketSchema {
    /// Where the bucket starts: RFC 3339, UTC.
    timestamp: String,
    /// How many logs.
    count: u64,
}

#[derive(Serialize)]
struct Series {
    interval_seconds: i64,
    from: Timestamp,
    to: Timestamp,
    total: u64,
    buckets: Vec<Bucket>,
}

#[derive(Serialize)]
struct Bucket {
    timestamp: Timestamp,
    count: u64,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<SeriesAnswer> {
    let mut query = Query::of(request)?;
    let asked = read_series(&mut query, context.clock.now())?;
    query.finish()?;
    let deadline = context.deadline();
    let counts = context.store.count_by(&key.tenant, &asked.filter, Some(&asked.buckets), deadline).await;
    let counts = counts.map_err(Problem::from)?;
    if !counts.complete {
        return Err(Problem::from(StoreError::DeadlineExceeded).into());
    }
    let series = Series {
        interval_seconds: asked.buckets.width_micros / 1_000_000,
        from: Timestamp::saturating_from_micros(asked.buckets.start_micros),
        to: asked.to,
        total: counts.total(),
        buckets: with_times(&asked.buckets, &counts),
    };
    Ok(SeriesAnswer::Counted(JsonText::from_serialize(&series)?))
}

fn with_times(buckets: &Buckets, counts: &Counts) -> Vec<Bucket> {
    let starts = (0..).map(|index| buckets.start_micros + index * buckets.width_micros);
    let starts = starts.map(Timestamp::saturating_from_micros).take(buckets.count);
    let mut filled: Vec<Bucket> = starts.map(|timestamp| Bucket { timestamp, count: 0 }).collect();
    for cell in &counts.cells {
        if let Some(bucket) = filled.get_mut(cell.bucket) {
            bucket.count += cell.count;
        }
    }
    filled
}
