//! How often an address or a user's name may be wrong: then everything else is refused for a while, before any work.
//!
//! Each count leaks: a limit of 20 in a minute lets 20 through at once, and from then on one every three seconds. A login
//! is counted before its password is looked at and the count is given back when it was right, so that many at once get
//! no further than one after the other. A name is counted for each network it is tried from, so that nobody keeps a user
//! out whose network is another one, and in all, much more generously, against whoever has many. Wrong keys, tokens and
//! sessions are counted apart from wrong passwords: a program with an old key keeps nobody at the same address from
//! logging in.
//!
//! This is not the crate `governor`: its limiters count a request in the same step in which they answer whether it may
//! pass, while here only failures count, and are known later.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::UserName;
use poem::Request;

use crate::client_address::network_of;
use crate::{Problem, client_address};

/// Most failed logins of one user's name from one network in [`NAME_WINDOW`].
pub const FAILED_LOGINS_PER_NAME: u32 = 10;

/// Most failed logins of one user's name from everywhere in [`NAME_WINDOW`].
pub const FAILED_LOGINS_PER_NAME_IN_ALL: u32 = 100;

/// Most logins of one user's name from one network in [`ADDRESS_WINDOW`], the right ones counted: each costs a hash and a
/// row of the audit log.
const LOGINS_PER_NAME: u32 = 60;

/// The time that limits of a name's failures are for.
pub const NAME_WINDOW: Duration = Duration::from_secs(15 * 60);

/// The time that the limit of an address is for.
const ADDRESS_WINDOW: Duration = Duration::from_secs(60);

/// Most addresses, and most names, of each kind that are counted at a time: some 5 MiB in all. When there are more, those that were wrong least often
/// are forgotten.
const COUNTED_AT_MOST: usize = 10_000;

/// Who was wrong how often.
#[derive(Debug)]
pub struct FailedLogins {
    passwords: Leaky<IpAddr>,
    names_from: Leaky<NameFrom>,
    names: Leaky<UserName>,
    logins: Leaky<NameFrom>,
    credentials: Leaky<IpAddr>,
}

/// A user's name, and the network that it is tried from, if that is known.
type NameFrom = (UserName, Option<IpAddr>);

/// A login that is counted as failed until it is told otherwise.
#[derive(Debug)]
pub struct Attempt<'a> {
    failures: &'a FailedLogins,
    address: Option<IpAddr>,
    name: Option<UserName>,
}

impl FailedLogins {
    /// Allows an address so many wrong passwords in a minute, and so many wrong keys, tokens and sessions.
    #[must_use]
    pub fn new(passwords_per_minute: u32, credentials_per_minute: u32) -> Self {
        Self {
            passwords: Leaky::new(passwords_per_minute, ADDRESS_WINDOW),
            names_from: Leaky::new(FAILED_LOGINS_PER_NAME, NAME_WINDOW),
            names: Leaky::new(FAILED_LOGINS_PER_NAME_IN_ALL, NAME_WINDOW),
            logins: Leaky::new(LOGINS_PER_NAME, ADDRESS_WINDOW),
            credentials: Leaky::new(credentials_per_minute, ADDRESS_WINDOW),
        }
    }

    /// Counts a login that has not succeeded yet, also for its user's name, if it has one that is possible.
    ///
    /// # Errors
    /// 429 when the address or the name was wrong too often, whether the password would be right or not.
    pub fn attempt(&self, request: &Request, name: Option<&UserName>) -> Result<Attempt<'_>, Problem> {
        self.attempt_at(client_address(request).map(network_of), name, Instant::now())
    }

    /// Returns what a wrong key, token or session is answered: `unauthorized`, or 429 when the address sent too many.
    pub(crate) fn wrong_credential(&self, request: &Request, unauthorized: Problem) -> Problem {
        let Some(address) = client_address(request).map(network_of) else { return unauthorized };
        match self.credentials.take(address, Instant::now()) {
            Ok(()) => unauthorized,
            Err(wait) => {
                let limit = self.credentials.limit;
                let detail =
                    format!("more than {limit} wrong credentials in a minute came from this address");
                Problem::too_many_requests("too_many_failures", detail, seconds(wait))
            }
        }
    }

    fn attempt_at(
        &self,
        address: Option<IpAddr>,
        name: Option<&UserName>,
        now: Instant,
    ) -> Result<Attempt<'_>, Problem> {
        let limit = self.passwords.limit;
        if let Some(address) = address {
            self.passwords.take(address, now).map_err(|wait| {
                let detail = format!("more than {limit} failed logins in a minute came from this address");
                Problem::too_many_requests("too_many_failures", detail, seconds(wait))
            })?;
        }
        if let Some(name) = name
            && let Err(refused) = self.count_name(name, address, now)
        {
            self.give_back_address(address);
            return Err(refused);
        }
        Ok(Attempt { failures: self, address, name: name.cloned() })
    }

    fn count_name(&self, name: &UserName, address: Option<IpAddr>, now: Instant) -> Result<(), Problem> {
        let refused = |limit: u32, from: &str, wait| {
            let minutes = NAME_WINDOW.as_secs() / 60;
            let detail =
                format!("more than {limit} logins in {minutes} minutes failed for this user name{from}");
            Problem::too_many_requests("too_many_failures", detail, seconds(wait))
        };
        let from = (name.clone(), address);
        self.names_from
            .take(from.clone(), now)
            .map_err(|wait| refused(FAILED_LOGINS_PER_NAME, " from this address", wait))?;
        self.names.take(name.clone(), now).map_err(|wait| {
            self.names_from.give_back(&from);
            refused(FAILED_LOGINS_PER_NAME_IN_ALL, "", wait)
        })?;
        self.logins.take(from.clone(), now).map_err(|wait| {
            self.names_from.give_back(&from);
            self.names.give_back(name);
            let detail =
                format!("more than {LOGINS_PER_NAME} logins of this user in a minute; keep the session");
            Problem::too_many_requests("too_many_logins", detail, seconds(wait))
        })
    }

    fn give_back_address(&self, address: Option<IpAddr>) {
        if let Some(address) = address {
            self.passwords.give_back(&address);
        }
    }
}

impl Attempt<'_> {
    /// Says that the login was right: it is not counted, and the name starts afresh where it came from.
    pub fn succeeded(self) {
        if let Some(name) = &self.name {
            self.failures.names_from.forget(&(name.clone(), self.address));
            self.failures.names.give_back(name);
        }
        self.failures.give_back_address(self.address);
    }

    /// Says that the login was neither right nor wrong, for it was not looked at.
    pub fn not_made(self) {
        if let Some(name) = &self.name {
            let from = (name.clone(), self.address);
            self.failures.logins.give_back(&from);
            self.failures.names_from.give_back(&from);
            self.failures.names.give_back(name);
        }
        self.failures.give_back_address(self.address);
    }
}

/// Counts that leak, each for itself.
#[derive(Debug)]
struct Leaky<K> {
    limit: u32,
    window: Duration,
    /// When a count will have leaked away.
    empty_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq + Clone> Leaky<K> {
    fn new(limit: u32, window: Duration) -> Self {
        Self { limit: limit.max(1), window, empty_at: Mutex::default() }
    }

    /// Returns how long it takes until one less is counted.
    fn interval(&self) -> Duration {
        self.window / self.limit
    }

    /// Counts one more, or returns after how long there is room for it.
    fn take(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut empty_at = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = empty_at.get(&key).map_or(now, |at| (*at).max(now)) + self.interval();
        let full = now + self.window;
        if next > full {
            return Err(next - full);
        }
        if empty_at.len() >= COUNTED_AT_MOST && !empty_at.contains_key(&key) {
            make_room(&mut empty_at, now);
        }
        empty_at.insert(key, next);
        Ok(())
    }

    fn give_back(&self, key: &K) {
        let mut empty_at = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = empty_at.get_mut(key) {
            *at = at.checked_sub(self.interval()).unwrap_or(*at);
        }
    }

    fn forget(&self, key: &K) {
        self.empty_at.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Forgets what has leaked away, or else the tenth that will have first.
fn make_room<K: Hash + Eq + Clone>(empty_at: &mut HashMap<K, Instant>, now: Instant) {
    empty_at.retain(|_, at| *at > now);
    if empty_at.len() < COUNTED_AT_MOST {
        return;
    }
    let mut times: Vec<Instant> = empty_at.values().copied().collect();
    let (_, cut, _) = times.select_nth_unstable(COUNTED_AT_MOST / 10);
    let cut = *cut;
    empty_at.retain(|_, at| *at > cut);
}

/// Returns whole seconds, rounded up, at least one.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V6(Ipv6Addr::LOCALHOST));

    fn attempt<'a>(
        failures: &'a FailedLogins,
        address: Option<IpAddr>,
        name: &str,
        now: Instant,
    ) -> Result<Attempt<'a>, Problem> {
        failures.attempt_at(address, Some(&UserName::parse(name).unwrap()), now)
    }

    fn retry_after(problem: &Problem) -> u32 {
        let (_, value) = &problem.headers()[0];
        value.to_str().unwrap().parse().unwrap()
    }

    #[test]
    fn an_address_that_was_wrong_too_often_waits_and_others_do_not() {
        let (failures, now) = (FailedLogins::new(20, 1), Instant::now());
        for number in 0..20 {
            attempt(&failures, HERE, &format!("user{number}"), now).expect("within the limit");
        }

        let refused = attempt(&failures, HERE, "anybody", now).unwrap_err();

        assert_eq!((refused.status().as_u16(), refused.code()), (429, "too_many_failures"));
        assert_eq!(retry_after(&refused), 3);
        assert!(refused.detail().contains("20"), "{}", refused.detail());
        assert!(attempt(&failures, "10.0.0.7".parse().ok(), "anybody", now).is_ok());
        assert!(attempt(&failures, HERE, "later", now + Duration::from_secs(3)).is_ok());
        assert!(attempt(&failures, HERE, "too-soon", now + Duration::from_secs(4)).is_err());
    }

    #[test]
    fn a_name_that_was_wrong_too_often_waits_where_it_was_tried_and_nowhere_else() {
        let (failures, now) = (FailedLogins::new(1000, 1), Instant::now());
        for _ in 0..FAILED_LOGINS_PER_NAME {
            attempt(&failures, HERE, "ann", now).expect("within the limit");
        }

        let refused = attempt(&failures, HERE, "ann", now).unwrap_err();

        assert_eq!((refused.code(), retry_after(&refused)), ("too_many_failures", 90));
        assert!(attempt(&failures, HERE, "bob", now).is_ok());
        assert!(attempt(&failures, "10.0.0.7".parse().ok(), "ann", now).is_ok());
        assert!(attempt(&failures, HERE, "ann", now + Duration::from_secs(90)).is_ok());
    }

    #[test]
    fn a_name_that_is_tried_from_many_networks_waits_everywhere() {
        let (failures, now) = (FailedLogins::new(1000, 1), Instant::now());
        let from = |number: u32| Some(IpAddr::from([10, 0, 0, u8::try_from(number).unwrap()]));
        for number in 0..FAILED_LOGINS_PER_NAME_IN_ALL {
            attempt(&failures, from(number), "ann", now).expect("within the limit");
        }

        let refused = attempt(&failures, from(200), "ann", now).unwrap_err();

        assert_eq!((refused.code(), retry_after(&refused)), ("too_many_failures", 9));
        assert!(attempt(&failures, from(200), "bob", now).is_ok());
    }

    #[test]
    fn logins_that_are_right_may_not_come_without_an_end() {
        let (failures, now) = (FailedLogins::new(2, 1), Instant::now());
        for _ in 0..LOGINS_PER_NAME {
            attempt(&failures, HERE, "ann", now).expect("right").succeeded();
        }

        let refused = attempt(&failures, HERE, "ann", now).unwrap_err();

        assert_eq!((refused.code(), retry_after(&refused)), ("too_many_logins", 1));
        assert!(attempt(&failures, HERE, "bob", now).is_ok());
        assert!(attempt(&failures, HERE, "ann", now + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn who_is_wrong_too_often_is_told_that_and_not_that_there_are_too_many_logins() {
        let (failures, now) = (FailedLogins::new(1000, 1), Instant::now());
        for _ in 0..2 * LOGINS_PER_NAME {
            let _ = attempt(&failures, HERE, "ann", now);
        }
        assert_eq!(attempt(&failures, HERE, "ann", now).unwrap_err().code(), "too_many_failures");
    }

    #[test]
    fn a_login_that_is_right_is_no_failure_and_clears_its_name() {
        let (failures, now) = (FailedLogins::new(2, 1), Instant::now());
        for _ in 0..20 {
            attempt(&failures, HERE, "ann", now).expect("right before").succeeded();
        }
        assert!(attempt(&failures, HERE, "ann", now).is_ok());
        assert!(attempt(&failures, HERE, "ann", now).is_ok());
        assert!(attempt(&failures, HERE, "ann", now).is_err(), "two wrong ones");
    }

    #[test]
    fn a_name_that_has_to_wait_costs_its_address_nothing() {
        let (failures, now) = (FailedLogins::new(11, 1), Instant::now());
        for _ in 0..50 {
            let _ = attempt(&failures, HERE, "ann", now);
        }
        assert!(attempt(&failures, HERE, "bob", now).is_ok());
    }

    #[test]
    fn what_is_counted_is_bounded_and_who_is_wrong_most_often_is_not_forgotten() {
        let (failures, now) = (FailedLogins::new(20, 1), Instant::now());
        for _ in 0..10 {
            attempt(&failures, None, "ann", now).expect("within the limit");
        }
        for number in 0..3 * COUNTED_AT_MOST {
            let _ = attempt(&failures, None, &format!("made-up-{number}"), now);
        }
        for counted in [
            failures.names.empty_at.lock().unwrap().len(),
            failures.names_from.empty_at.lock().unwrap().len(),
        ] {
            assert!(counted <= COUNTED_AT_MOST);
        }
        assert!(attempt(&failures, None, "ann", now).is_err());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_counted_together() {
        let network = |address: &str| network_of(address.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::4"), network("2001:db8:1:3::4"));
    }
}
