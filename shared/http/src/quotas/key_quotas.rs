//! What each caller may use in a second: requests, and of what it sends, records and bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::{Caller, Scope};
use poem::Request;

use super::rate::{Rate, Taken};
use crate::Problem;
use crate::request_id::RequestContext;

/// For how many callers it is remembered what they used; whoever used nothing for two seconds is forgotten. When there
/// are more at a time, the others are not counted.
const CALLERS_MAX: usize = 65_536;

/// What a caller may use in a second; twice that at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRates {
    /// Requests of any kind.
    pub requests: Rate,
    /// Records that it sends.
    pub records: Rate,
    /// Bytes of bodies with records, as they arrive.
    pub bytes: Rate,
}

/// Counts what callers use.
#[derive(Debug)]
pub struct KeyQuotas {
    rates: KeyRates,
    started: Instant,
    callers: Mutex<HashMap<Caller, Used>>,
}

/// What one caller used.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    requests: Taken,
    records: Taken,
    bytes: Taken,
}

/// Why somebody has to wait.
struct Exceeded {
    what: &'static str,
    rate: Rate,
    wait: Duration,
}

impl KeyRates {
    /// Everybody may use everything.
    pub const UNLIMITED: Self =
        Self { requests: Rate::per_second(0), records: Rate::per_second(0), bytes: Rate::per_second(0) };
}

impl KeyQuotas {
    /// Makes quotas of these rates.
    #[must_use]
    pub fn new(rates: KeyRates) -> Self {
        Self { rates, started: Instant::now(), callers: Mutex::default() }
    }

    /// Charges the caller of a request that needs this scope. A request with records is only let in while its caller
    /// may send any: its body is not read in vain. Does nothing for a service without quotas.
    ///
    /// # Errors
    /// 429 `quota_exceeded`; nothing is charged then.
    pub fn charge_request_of(request: &Request, caller: &Caller, scope: Scope) -> Result<(), Problem> {
        Self::of(request).map_or(Ok(()), |quotas| quotas.charge_request(caller, scope))
    }

    /// Returns the ones in a request's data, with which the site puts them; `None`: nothing is counted.
    #[must_use]
    pub fn of(request: &Request) -> Option<&Arc<Self>> {
        request.data()
    }

    fn charge_request(&self, caller: &Caller, scope: Scope) -> Result<(), Problem> {
        let sends = u64::from(scope == Scope::Ingest);
        self.change(caller, |rates, used, now| {
            let (records, bytes) = (used.records, used.bytes);
            take("requests", rates.requests, &mut used.requests, 1, now)?;
            take("records", rates.records, &mut used.records, sends, now)?;
            take("bytes of logs", rates.bytes, &mut used.bytes, sends, now)?;
            (used.records, used.bytes) = (records, bytes);
            Ok(())
        })
    }

    /// Charges whoever sent a request for the bytes of a body of which nothing could be made. Does nothing for a service
    /// without quotas.
    pub fn charge_wasted(request: &Request, bytes: usize) {
        let caller =
            RequestContext::current(|context| Some(context.principal.get()?.caller.clone())).flatten();
        if let (Some(quotas), Some(caller)) = (Self::of(request), caller) {
            // It is refused in any case.
            let _ = quotas.charge_sent(&caller, 0, bytes as u64);
        }
    }

    /// Charges a caller for what it sends: records, and the bytes that they arrived in.
    ///
    /// # Errors
    /// 429 `quota_exceeded`; nothing is charged then.
    pub fn charge_sent(&self, caller: &Caller, records: u64, bytes: u64) -> Result<(), Problem> {
        self.change(caller, |rates, used, now| {
            take("records", rates.records, &mut used.records, records, now)?;
            take("bytes of logs", rates.bytes, &mut used.bytes, bytes, now)
        })
    }

    /// Lets `charge` change what a caller used; on an error it stays as it was.
    fn change(
        &self,
        caller: &Caller,
        charge: impl FnOnce(&KeyRates, &mut Used, Duration) -> Result<(), Exceeded>,
    ) -> Result<(), Problem> {
        if self.rates == KeyRates::UNLIMITED {
            return Ok(());
        }
        let now = self.started.elapsed();
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = callers.get(caller).copied().unwrap_or_default();
        charge(&self.rates, &mut used, now).map_err(Exceeded::into_problem)?;
        if let Some(known) = callers.get_mut(caller) {
            *known = used;
            return Ok(());
        }
        if callers.len() >= CALLERS_MAX {
            callers.retain(|_, used| !used.is_nothing(now));
        }
        if callers.len() < CALLERS_MAX {
            callers.insert(caller.clone(), used);
        }
        Ok(())
    }
}

fn take(
    what: &'static str,
    rate: Rate,
    taken: &mut Taken,
    quantity: u64,
    now: Duration,
) -> Result<(), Exceeded> {
    *taken = rate.take(*taken, quantity, now).map_err(|wait| Exceeded { what, rate, wait })?;
    Ok(())
}

impl Used {
    fn is_nothing(&self, now: Duration) -> bool {
        [self.requests, self.records, self.bytes].iter().all(|taken| taken.is_nothing(now))
    }
}

impl Exceeded {
    fn into_problem(self) -> Problem {
        let Self { what, rate, wait } = self;
        let wait_seconds = u32::try_from(wait.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1);
        let rate = rate.quantity();
        let detail = format!(
            "this caller may use {rate} {what} per second, and twice that at once; try again in {wait_seconds} s"
        );
        Problem::too_many_requests("quota_exceeded", detail, wait_seconds)
    }
}

#[cfg(test)]
mod tests {
    use poem::IntoResponse;

    use super::*;

    fn caller(id: &str) -> Caller {
        Caller::Key(id.to_owned())
    }

    fn quotas(requests: u64, records: u64, bytes: u64) -> KeyQuotas {
        KeyQuotas::new(KeyRates {
            requests: Rate::per_second(requests),
            records: Rate::per_second(records),
            bytes: Rate::per_second(bytes),
        })
    }

    #[test]
    fn who_asks_too_often_is_told_how_often_it_may_and_when_to_come_back() {
        let quotas = quotas(2, 0, 0);
        let ask = |id| quotas.charge_request(&caller(id), Scope::Read);
        for _ in 0..4 {
            ask("a").unwrap();
        }

        let problem = ask("a").unwrap_err();
        assert!(ask("b").is_ok(), "another is another");

        assert_eq!((problem.status().as_u16(), problem.code()), (429, "quota_exceeded"));
        assert!(problem.detail().starts_with("this caller may use 2 requests per second"), "{problem}");
        assert_eq!(problem.into_response().header("Retry-After"), Some("1"));
    }

    #[test]
    fn what_is_refused_is_not_charged() {
        let quotas = quotas(0, 1_000_000, 1);
        let send = |records, bytes| quotas.charge_sent(&caller("a"), records, bytes);
        send(1, 2).unwrap();
        for _ in 0..10 {
            let problem = send(1_000_000, 1).unwrap_err();
            assert!(problem.detail().contains("1 bytes of logs per second"), "{problem}");
        }
        assert!(send(1_999_999, 0).is_ok(), "the records were not charged");
    }

    #[test]
    fn a_batch_of_any_size_is_taken_once_and_then_bodies_are_not_even_read() {
        let quotas = quotas(0, 10, 0);
        quotas.charge_request(&caller("a"), Scope::Ingest).unwrap();
        quotas.charge_sent(&caller("a"), 10_000, 1).unwrap();

        let problem = quotas.charge_request(&caller("a"), Scope::Ingest).unwrap_err();

        assert!(problem.detail().contains("10 records per second"), "{problem}");
        let retry_after: u32 = problem.into_response().header("Retry-After").unwrap().parse().unwrap();
        assert!((990..=1000).contains(&retry_after), "{retry_after}");
        assert!(quotas.charge_request(&caller("a"), Scope::Read).is_ok(), "a question sends nothing");
    }

    #[test]
    fn callers_who_used_nothing_for_a_while_are_forgotten() {
        let quotas = quotas(1_000_000_000, 0, 0);
        for n in 0..CALLERS_MAX + 10 {
            quotas.charge_request(&caller(&n.to_string()), Scope::Read).unwrap();
        }
        let callers = quotas.callers.lock().unwrap();
        assert!(callers.len() <= CALLERS_MAX);
        assert!(callers.contains_key(&caller(&(CALLERS_MAX + 9).to_string())), "there is room for the last");
    }

    #[test]
    fn who_has_used_much_is_not_forgotten_for_others_and_those_beyond_the_bound_are_not_counted() {
        let quotas = quotas(0, 1, 0);
        // A hundred thousand seconds' worth: none of it is worked off while this runs.
        let send = |id: &str| quotas.charge_sent(&caller(id), 100_000, 0);
        send("first").unwrap();
        for n in 0..CALLERS_MAX + 10 {
            send(&n.to_string()).unwrap();
        }

        assert_eq!(quotas.callers.lock().unwrap().len(), CALLERS_MAX);
        send("first").unwrap_err();
        send("one too many").unwrap();
        send("one too many").unwrap();
    }

    #[test]
    fn without_rates_nobody_is_counted() {
        let quotas = KeyQuotas::new(KeyRates::UNLIMITED);
        quotas.charge_request(&caller("a"), Scope::Read).unwrap();
        quotas.charge_sent(&caller("a"), u64::MAX, u64::MAX).unwrap();
        assert!(quotas.callers.lock().unwrap().is_empty());
    }
}
