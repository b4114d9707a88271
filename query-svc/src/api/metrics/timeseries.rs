//! `GET /api/v1/metrics/timeseries`

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{Principal, Timestamp};
use poem::{Request, Result};
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{JsonText, Problem};
use serde::Serialize;
use store::{Buckets, Counts, StoreError};

use super::Context;
use super::frequencies::{Frequencies, MostFrequent};
use super::scan_newest::off_thread;
use super::series::{GroupBy, Series, read_series};
use crate::params::Query;

/// Most groups that a bucket's counts are split into: as many as anybody can tell apart, and more.
const GROUPS_MAX: usize = 100;

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
    /// With `group_by`: the groups, at most 100, those with the most logs first.
    groups: Option<Vec<GroupSchema>>,
    /// With `group_by`: how many logs belong to further groups, in all buckets.
    other: Option<u64>,
    /// The buckets, in order, without a gap.
    buckets: Vec<BucketSchema>,
}

/// A part of the logs that a time series counts.
#[derive(Object)]
#[oai(rename = "TimeseriesGroup", read_only_all)]
struct GroupSchema {
    /// What they have in common: their service, severity or level.
    name: String,
    /// How many they are, in all buckets.
    total: u64,
}

/// How many logs happened in a bucket.
#[derive(Object)]
#[oai(rename = "TimeseriesBucket", read_only_all)]
struct BucketSchema {
    /// Where the bucket starts: RFC 3339, UTC.
    timestamp: String,
    /// How many logs.
    count: u64,
    /// With `group_by`: how many of each group; groups without any are not listed.
    groups: Option<HashMap<String, u64>>,
    /// With `group_by`: how many of further groups.
    other: Option<u64>,
}

#[derive(Serialize)]
struct SeriesCounts<'a> {
    interval_seconds: i64,
    from: Timestamp,
    to: Timestamp,
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Group>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<u64>,
    buckets: Vec<Bucket<'a>>,
}

#[derive(Serialize)]
struct Group {
    name: String,
    total: u64,
}

#[derive(Serialize)]
struct Bucket<'a> {
    timestamp: Timestamp,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<BTreeMap<&'a str, u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<u64>,
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<SeriesAnswer> {
    let mut query = Query::of(request)?;
    let asked = read_series(&mut query, context.clock.now())?;
    query.finish()?;
    let deadline = context.deadline();
    let turn = context.turns.take(&key.tenant, deadline, 1).await?;
    let counts = turn.store.count_by(&key.tenant, &asked.filter, Some(&asked.buckets), deadline).await;
    let counts = counts.map_err(Problem::from)?;
    let text = off_thread(move || write(&asked, &counts)).await??;
    drop(turn);
    Ok(SeriesAnswer::Counted(text))
}

/// Writes the answer: up to a million numbers.
fn write(asked: &Series, counts: &Counts) -> Result<JsonText<SeriesSchema>, Problem> {
    // A curve that is too low in places that nobody knows would be taken for the truth.
    if !counts.complete {
        return Err(StoreError::DeadlineExceeded.into());
    }
    let mut buckets = empty_buckets(asked);
    for cell in &counts.cells {
        buckets[cell.bucket].count += cell.count;
    }
    let largest = asked.group_by.map(|group_by| largest_groups(counts, group_by));
    if let (Some(group_by), Some(largest)) = (asked.group_by, &largest) {
        split(&mut buckets, counts, group_by, largest);
    }
    let group = |(name, total): &'_ (String, u64)| Group { name: name.clone(), total: *total };
    let series = SeriesCounts {
        interval_seconds: asked.buckets.width_micros / 1_000_000,
        from: Timestamp::saturating_from_micros(asked.buckets.start_micros),
        to: asked.to,
        total: counts.total(),
        groups: largest.as_ref().map(|largest| largest.values.iter().map(group).collect()),
        other: largest.as_ref().map(|largest| largest.other),
        buckets,
    };
    JsonText::from_serialize(&series)
}

fn empty_buckets(asked: &Series) -> Vec<Bucket<'static>> {
    let Buckets { start_micros, width_micros, count } = asked.buckets;
    let starts = (0..).map(|index| start_micros + index * width_micros);
    let bucket = |micros| Bucket {
        timestamp: Timestamp::saturating_from_micros(micros),
        count: 0,
        groups: asked.group_by.map(|_| BTreeMap::new()),
        other: asked.group_by.map(|_| 0),
    };
    starts.map(bucket).take(count).collect()
}

fn largest_groups(counts: &Counts, group_by: GroupBy) -> MostFrequent {
    // All of them are in memory already.
    let mut totals = Frequencies::new(usize::MAX);
    counts.cells.iter().for_each(|cell| totals.add(group_by.group_of(cell), cell.count));
    totals.most_frequent(GROUPS_MAX)
}

/// Splits the counts of every bucket into the largest groups and the rest.
fn split<'a>(buckets: &mut [Bucket<'a>], counts: &'a Counts, group_by: GroupBy, largest: &MostFrequent) {
    let listed: HashSet<&str> = largest.values.iter().map(|(name, _)| name.as_str()).collect();
    for cell in &counts.cells {
        let bucket = &mut buckets[cell.bucket];
        let group = group_by.group_of(cell);
        let count = match &mut bucket.groups {
            Some(groups) if listed.contains(group) => groups.entry(group).or_default(),
            _ => bucket.other.get_or_insert_default(),
        };
        *count += cell.count;
    }
}

#[cfg(test)]
mod tests {
    use domain::{Filter, Severity};
    use serde_json::{Value, json};
    use store::CountCell;

    use super::*;

    #[test]
    fn counts_that_are_not_complete_are_no_series() {
        let asked = Series {
            filter: Filter::default(),
            buckets: Buckets { start_micros: 0, width_micros: 7_000_000, count: 1 },
            to: Timestamp::MIN,
            group_by: None,
        };
        let status = |complete| {
            write(&asked, &Counts { cells: vec![], complete }).err().map(|it| it.status().as_u16())
        };
        assert_eq!((status(false), status(true)), (Some(503), None));
    }

    #[test]
    fn of_more_groups_than_there_may_be_the_smallest_are_counted_together() {
        let services = GROUPS_MAX as u64 + 20;
        let cell = |bucket, n: u64| CountCell {
            bucket,
            service: format!("s{n}"),
            severity: Severity::DEFAULT,
            count: n,
        };
        let cells = (0..2).flat_map(|bucket| (1..=services).map(move |n| cell(bucket, n))).collect();
        let asked = Series {
            filter: Filter::default(),
            buckets: Buckets { start_micros: 0, width_micros: 7_000_000, count: 3 },
            to: Timestamp::saturating_from_micros(21_000_000),
            group_by: Some(GroupBy::Service),
        };

        let text = write(&asked, &Counts { cells, complete: true }).unwrap();

        let series: Value = serde_json::from_slice(text.as_bytes()).unwrap();
        let smallest: u64 = (1..=20).sum();
        assert_eq!(series["other"], 2 * smallest);
        assert_eq!(series["groups"].as_array().unwrap().len(), GROUPS_MAX);
        assert_eq!(series["groups"][0], json!({"name": "s120", "total": 240}));
        for bucket in 0..2 {
            let bucket = &series["buckets"][bucket];
            assert_eq!((&bucket["groups"]["s21"], &bucket["other"]), (&json!(21), &json!(smallest)));
            assert_eq!(bucket["groups"].as_object().unwrap().len(), GROUPS_MAX);
            assert!(bucket["groups"]["s20"].is_null());
        }
        let empty = json!({"timestamp": "1970-01-01T00:00:14Z", "count": 0, "groups": {}, "other": 0});
        assert_eq!(series["buckets"][2], empty);
    }
}
