//! Applying every rule of every tenant, round after round, and never on a clock that cannot be trusted.

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::{Clock, Filter, RetentionRule, Tenant, TimeRange, Timestamp};
use serde_json::json;
use store::{AuditAction, AuditStore, LogStore, NewAuditEntry, RetentionStore, StoreError, Stores};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::apply;
use super::clock_watch::{ClockWasSet, ClockWatch, STRAY_MAX_MICROS, SystemUptime};
use super::options::RetentionInterval;
use crate::params::parse_timeless_filter;

/// How long it may take to find out whether logs arrived later than the clock shows.
const ARRIVALS_CHECK_MAX: Duration = Duration::from_secs(30);

/// Applies retention rules.
pub struct Scheduler {
    logs: Arc<dyn LogStore>,
    rules: Arc<dyn RetentionStore>,
    audit: Arc<dyn AuditStore>,
    watch: ClockWatch,
    /// Whether the last round found a clock that cannot be trusted; said once, not every minute.
    is_paused: Mutex<bool>,
}

/// Why nothing is deleted.
#[derive(Debug)]
enum Pause {
    ClockWasSet(ClockWasSet),
    /// This tenant has logs that arrived later than the clock shows.
    ArrivalsAhead(Tenant),
}

/// Starts to apply the rules in the background, if it is to be done at all. Returns what a service has to be run until:
/// it is cancelled when `shutdown` is, and nothing is applied any more; so no store is closed while it is.
#[must_use]
pub fn start(
    stores: &Stores,
    interval: RetentionInterval,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> CancellationToken {
    let Some(period) = interval.period() else { return shutdown };
    let watch = ClockWatch::start(clock, Arc::new(SystemUptime::default()));
    let (logs, rules) = (Arc::clone(&stores.logs), Arc::clone(&stores.retention));
    let scheduler = Scheduler::new(logs, rules, Arc::clone(&stores.audit), watch);
    let ended = CancellationToken::new();
    tokio::spawn({
        let ended = ended.clone();
        async move {
            Arc::new(scheduler).run_until(period, shutdown).await;
            ended.cancel();
        }
    });
    ended
}

// === impl Scheduler ===

impl Scheduler {
    /// Makes a scheduler; `watch` has to be started with it.
    pub fn new(
        logs: Arc<dyn LogStore>,
        rules: Arc<dyn RetentionStore>,
        audit: Arc<dyn AuditStore>,
        watch: ClockWatch,
    ) -> Self {
        Self { logs, rules, audit, watch, is_paused: Mutex::new(false) }
    }

    /// Applies all rules after every `period`, until `shutdown` is cancelled; a round that runs is left off then.
    pub async fn run_until(self: Arc<Self>, period: Duration, shutdown: CancellationToken) {
        let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let scheduler = Arc::clone(&self);
            // A task of its own: a panic ends this round, not those after it.
            let round = tokio::spawn(async move { scheduler.run_round().await });
            if !finish(round, &shutdown).await {
                return;
            }
        }
    }

    /// Applies all rules once. What fails is logged, and tried again in the next round.
    pub async fn run_round(&self) {
        let rules = match self.rules.list_all().await {
            Ok(rules) => rules,
            Err(error) => return log_failure(None, &error),
        };
        if rules.is_empty() {
            return;
        }
        let now = match self.trusted_now(&rules).await {
            Ok(now) => now,
            Err(error) => return log_failure(None, &error),
        };
        let Some(now) = now else { return };
        for rule in &rules {
            if let Err(error) = self.apply(rule, now).await {
                log_failure(Some(rule), &*error);
            }
        }
    }

    async fn apply(
        &self,
        kept: &RetentionRule,
        now: Timestamp,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let RetentionRule { id, rule } = kept;
        // It may have been removed while the rules before it were applied.
        if !self.rules.list(&rule.tenant).await?.contains(kept) {
            return Ok(());
        }
        let filter = parse_timeless_filter(&rule.filter)?;
        let outcome = apply(&*self.logs, rule, filter, now).await?;
        if outcome.deleted > 0 {
            let (tenant, deleted) = (&rule.tenant, outcome.deleted);
            tracing::info!(rule_id = id, %tenant, deleted, "logs deleted by a retention rule");
            self.note(kept, deleted, now).await;
        }
        Ok(())
    }

    /// Notes what a rule deleted. If that fails, it stands in the service's log.
    async fn note(&self, RetentionRule { id, rule }: &RetentionRule, deleted: u64, now: Timestamp) {
        let details = [("rule_id", json!(id)), ("filter", json!(rule.filter)), ("deleted", json!(deleted))];
        let entry = NewAuditEntry {
            at: now,
            tenant: rule.tenant.clone(),
            caller: None,
            address: None,
            action: AuditAction::LogsDeleted,
            subject: rule.name.clone(),
            details: details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        };
        if let Err(error) = self.audit.append(entry).await {
            let error: &dyn StdError = &error;
            tracing::error!(rule_id = id, error, "what a rule deleted was not noted in the audit log");
        }
    }

    /// Returns the time to go by; `None`: there is none that can be trusted, and nothing may be deleted.
    async fn trusted_now(&self, rules: &[RetentionRule]) -> Result<Option<Timestamp>, StoreError> {
        let pause = match self.watch.now() {
            Err(set) => Pause::ClockWasSet(set),
            Ok(now) => match self.tenant_ahead_of(now, rules).await? {
                Some(tenant) => Pause::ArrivalsAhead(tenant),
                None => {
                    self.go_on();
                    return Ok(Some(now));
                }
            },
        };
        self.pause(&pause);
        Ok(None)
    }

    /// Returns a tenant of which logs arrived so much later than `now` that the clock must have been set back.
    async fn tenant_ahead_of(
        &self,
        now: Timestamp,
        rules: &[RetentionRule],
    ) -> Result<Option<Tenant>, StoreError> {
        let later = TimeRange { from: Some(now.as_micros() + STRAY_MAX_MICROS + 1), to: None };
        let filter = Filter { received_at: later, ..Filter::default() };
        let tenants: BTreeSet<&Tenant> = rules.iter().map(|kept| &kept.rule.tenant).collect();
        for tenant in tenants {
            if self.logs.count(tenant, &filter, Instant::now() + ARRIVALS_CHECK_MAX).await? > 0 {
                return Ok(Some(tenant.clone()));
            }
        }
        Ok(None)
    }

    fn pause(&self, why: &Pause) {
        if !self.swap_paused(true) {
            tracing::warn!(%why, "retention pauses, and deletes nothing");
        }
    }

    fn go_on(&self) {
        if self.swap_paused(false) {
            tracing::info!("retention goes on: the clock can be trusted again");
        }
    }

    /// Returns what it was before.
    fn swap_paused(&self, is_paused: bool) -> bool {
        let mut state = self.is_paused.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *state, is_paused)
    }
}

/// Waits for the end of a round, or leaves it off at a shutdown; returns whether there may be a further one.
async fn finish(mut round: JoinHandle<()>, shutdown: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {
            round.abort();
            // Cancelled, ended or panicked: it no longer runs, which is all that matters now.
            let _ = round.await;
            false
        }
        ended = &mut round => {
            if let Err(error) = ended {
                tracing::error!(error = &error as &dyn StdError, "a round of retention panicked");
            }
            true
        }
    }
}

fn log_failure(rule: Option<&RetentionRule>, error: &(dyn StdError + 'static)) {
    match rule {
        Some(RetentionRule { id, rule }) => {
            let tenant = &rule.tenant;
            tracing::warn!(rule_id = id, %tenant, error, "a retention rule was not applied; it is tried again");
        }
        None => tracing::warn!(error, "retention rules were not applied; it is tried again"),
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClockWasSet(set) => {
                write!(f, "{set}; set it right, or restart the service if it is right now")
            }
            Self::ArrivalsAhead(tenant) => write!(
                f,
                "logs of the tenant {tenant} arrived more than an hour later than the clock shows; set it right, or \
                 delete them if it is: DELETE /logs?received_at_start=now%2B1h"
            ),
        }
    }
}
