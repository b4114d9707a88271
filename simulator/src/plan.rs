//! The plan of one service: which records it sends and when, worked out from the seed alone.
//!
//! Times are counted from the start of the run on a planned clock. Nothing here waits or looks at the real time; a server
//! that is slow delays the requests of the plan but never changes what is in them.

use std::time::Duration;

use rand::rngs::StdRng;

use crate::bursts::{BurstKind, Bursts, requests_per_burst};
use crate::catalogue::ServiceProfile;
use crate::content::{Content, Draft};
use crate::levels::LevelMix;
use crate::rhythm::Rhythm;
use crate::seeds;

/// What a plan is made from.
#[derive(Debug, Clone)]
pub(crate) struct PlanSettings {
    /// Everything random derives from it.
    pub(crate) seed: u64,
    /// The pauses between requests.
    pub(crate) rhythm: Rhythm,
    /// Records per request.
    pub(crate) batch_size: u64,
    /// Records in all; `None` is without an end.
    pub(crate) count: Option<u64>,
    /// The bursts of this service; `None` is none.
    pub(crate) bursts: Option<Bursts>,
}

/// The records of one request, and when it is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedBatch {
    /// Time since the start of the run.
    pub(crate) due: Duration,
    /// The time over which the records were gathered, the last at `due`.
    pub(crate) gathered_over: Duration,
    /// What the records say, oldest first.
    pub(crate) drafts: Vec<Draft>,
}

/// The burst that a service is in the middle of.
#[derive(Debug)]
struct CurrentBurst {
    due: Duration,
    kind: BurstKind,
    requests_left: u64,
}

/// The requests of one service, one after the other.
#[derive(Debug)]
pub(crate) struct ServicePlan {
    settings: PlanSettings,
    content: Content,
    levels: LevelMix,
    levels_rng: StdRng,
    rhythm_rng: StdRng,
    records_left: Option<u64>,
    burst: Option<CurrentBurst>,
    next_due: Duration,
    last_pause: Duration,
}

impl ServicePlan {
    /// Plans the requests of `profile`.
    pub(crate) fn new(profile: &'static ServiceProfile, settings: PlanSettings) -> Self {
        let mut rhythm_rng = seeds::stream(settings.seed, "rhythm", profile.name);
        let first_pause = settings.rhythm.first_pause(&mut rhythm_rng);
        Self {
            content: Content::new(profile, settings.seed),
            levels: LevelMix::default(),
            levels_rng: seeds::stream(settings.seed, "levels", profile.name),
            rhythm_rng,
            records_left: settings.count,
            burst: None,
            next_due: first_pause,
            last_pause: first_pause,
            settings,
        }
    }

    fn start_burst_if_due(&mut self) {
        if self.burst.is_some() {
            return;
        }
        let Some(bursts) = &mut self.settings.bursts else { return };
        self.burst = bursts.next_until(self.next_due).map(|(due, kind)| CurrentBurst {
            due,
            kind,
            requests_left: requests_per_burst(self.settings.batch_size),
        });
    }

    fn burst_batch(&mut self, size: u64) -> Option<PlannedBatch> {
        let burst = self.burst.as_mut()?;
        let (due, kind) = (burst.due, burst.kind);
        burst.requests_left -= 1;
        if burst.requests_left == 0 {
            self.burst = None;
        }
        let drafts = self.drafts(size, kind);
        Some(PlannedBatch { due, gathered_over: Duration::ZERO, drafts })
    }

    fn ordinary_batch(&mut self, size: u64) -> PlannedBatch {
        let (due, gathered_over) = (self.next_due, self.last_pause);
        self.last_pause = self.settings.rhythm.pause(&mut self.rhythm_rng);
        self.next_due = due.saturating_add(self.last_pause);
        let drafts = self.drafts(size, BurstKind::Traffic);
        PlannedBatch { due, gathered_over, drafts }
    }

    fn drafts(&mut self, size: u64, kind: BurstKind) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for _ in 0..size {
            let level = match kind {
                BurstKind::ErrorStorm => self.levels.storm(&mut self.levels_rng),
                BurstKind::Traffic => self.levels.ordinary(&mut self.levels_rng),
            };
            drafts.push(self.content.draft(level));
        }
        drafts
    }
}

impl Iterator for ServicePlan {
    type Item = PlannedBatch;

    fn next(&mut self) -> Option<PlannedBatch> {
        let size = self.settings.batch_size.min(self.records_left.unwrap_or(u64::MAX));
        if size == 0 {
            return None;
        }
        self.records_left = self.records_left.map(|left| left - size);
        self.start_burst_if_due();
        self.burst_batch(size).or_else(|| Some(self.ordinary_batch(size)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::SERVICES;
    use crate::levels::Level;

    const BATCH_SIZE: u64 = 20;

    fn plan(seed: u64, count: u64, burst_interval_s: Option<u64>) -> ServicePlan {
        let profile = &SERVICES[1];
        let settings = PlanSettings {
            seed,
            rhythm: Rhythm::from_interval(profile, Duration::from_secs(1)),
            batch_size: BATCH_SIZE,
            count: Some(count),
            bursts: burst_interval_s.map(|every_s| Bursts::new(Duration::from_secs(every_s), seed, 1, 0)),
        };
        ServicePlan::new(profile, settings)
    }

    fn share_percent(batches: &[PlannedBatch], level: Level) -> f64 {
        let levels: Vec<Level> =
            batches.iter().flat_map(|batch| batch.drafts.iter().map(|draft| draft.level)).collect();
        let of_level = levels.iter().filter(|found| **found == level).count();
        100.0 * of_level as f64 / levels.len() as f64
    }

    #[test]
    fn the_same_seed_plans_the_same_records_at_the_same_times() {
        let first: Vec<_> = plan(11, 2_000, Some(7)).collect();
        let second: Vec<_> = plan(11, 2_000, Some(7)).collect();
        let other: Vec<_> = plan(12, 2_000, Some(7)).collect();

        assert_eq!(first, second);
        assert_ne!(first, other);
    }

    #[test]
    fn a_plan_with_a_count_has_exactly_so_many_records() {
        let records: usize = plan(1, 1_003, Some(5)).map(|batch| batch.drafts.len()).sum();

        assert_eq!(records, 1_003);
    }

    #[test]
    fn batches_are_due_in_order() {
        let batches: Vec<_> = plan(2, 4_000, Some(3)).collect();

        assert!(batches.is_sorted_by_key(|batch| batch.due));
    }

    #[test]
    fn the_level_mix_holds_over_a_long_run_with_and_without_bursts() {
        for burst_interval_s in [None, Some(30)] {
            let batches: Vec<_> = plan(3, 40_000, burst_interval_s).collect();

            for (level, percent) in Level::ALL.into_iter().zip([70.0, 15.0, 10.0, 5.0]) {
                let share = share_percent(&batches, level);
                assert!((share - percent).abs() < 1.0, "{level:?}: {share} %, bursts {burst_interval_s:?}");
            }
        }
    }

    #[test]
    fn an_error_storm_is_several_batches_that_are_mostly_errors() {
        let batches: Vec<_> = plan(3, 20_000, Some(30)).collect();

        let stormy = batches
            .windows(3)
            .filter(|three| three[0].due == three[2].due && share_percent(three, Level::Error) > 60.0)
            .count();

        assert!(stormy > 0, "no storm in {} batches", batches.len());
    }
}
