//! Hashing passwords with argon2id, off the threads that answer requests.
//!
//! A hash takes 19 MiB and some hundredths of a second, on purpose; so only few are worked out at a time, few wait, and further ones
//! are refused. An unknown user's password takes the same work as a known one's: the time of an answer names nobody.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use store::PasswordHash;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::rules::PASSWORD_MAX_BYTES;
use crate::memory::MemoryBudget;

/// Memory of a hash, in KiB. With [`PASSES`] and [`LANES`], the first choice of OWASP's password storage cheat sheet.
const MEMORY_KIB: u32 = 19_456;

/// The same in bytes.
const HASH_BYTES: usize = MEMORY_KIB as usize * 1024;

/// How long a hash waits for its memory.
const MEMORY_WAIT_MAX: Duration = Duration::from_secs(3);

/// How often the memory is gone through.
const PASSES: u32 = 2;

/// How many threads a hash takes.
const LANES: u32 = 1;

/// Bytes of salt.
const SALT_BYTES: usize = 16;

/// Most hashes that are worked out at a time: 38 MiB.
pub const HASHES_AT_ONCE: usize = 2;

/// Most passwords that wait for their turn: half a second.
pub const HASHES_WAITING: usize = 16;

/// A hash that no password has, of the same cost as every other.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Works out and compares hashes of passwords.
#[derive(Debug)]
pub struct Passwords {
    places: Semaphore,
    turns: Arc<Semaphore>,
    memory: MemoryBudget,
}

/// Too many passwords wait already. Try again in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{HASHES_WAITING} passwords wait to be looked at, the most that may; try again")]
pub struct PasswordsBusy;

impl Default for Passwords {
    fn default() -> Self {
        Self::new(MemoryBudget::new(None))
    }
}

impl Passwords {
    /// Makes it; hashes take their memory from a budget, and wait for it if need be.
    #[must_use]
    pub fn new(memory: MemoryBudget) -> Self {
        Self {
            places: Semaphore::new(HASHES_AT_ONCE + HASHES_WAITING),
            turns: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            memory,
        }
    }

    /// Returns the hash of a password.
    ///
    /// # Errors
    /// [`PasswordsBusy`].
    pub async fn hash(&self, password: String) -> Result<PasswordHash, PasswordsBusy> {
        self.in_turn(move || hash(&password)).await
    }

    /// Says whether a password is the one of a hash. `None`: of nobody's, which it is not.
    ///
    /// # Errors
    /// [`PasswordsBusy`].
    pub async fn verify(&self, hash: Option<PasswordHash>, password: String) -> Result<bool, PasswordsBusy> {
        self.in_turn(move || match hash {
            Some(hash) if password.len() <= PASSWORD_MAX_BYTES => is_of(&hash.0, &password),
            _ => {
                // The same work, so that the time does not tell who is a user.
                is_of(NOBODYS, "");
                false
            }
        })
        .await
    }

    /// Does a work when it is its turn. It is done to its end also when nobody waits for it any more.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordsBusy> {
        let _place = self.places.try_acquire().map_err(|_| PasswordsBusy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| PasswordsBusy)?;
        let memory = self.memory.claim(HASH_BYTES, MEMORY_WAIT_MAX).await.map_err(|_| PasswordsBusy)?;
        let work = spawn_blocking(move || {
            let done = work();
            drop((turn, memory));
            done
        });
        work.await.map_err(|_| PasswordsBusy)
    }
}

fn argon2() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> PasswordHash {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).expect("the kernel gives random bytes");
    let salt = SaltString::encode_b64(&salt).expect("a salt has a length that argon2 takes");
    let hash = argon2().hash_password(password.as_bytes(), &salt);
    PasswordHash(hash.expect("passwords and salts have lengths that argon2 takes").to_string())
}

/// Says whether a password is that of a PHC string. One that cannot be read is nobody's.
fn is_of(hash: &str, password: &str) -> bool {
    let Ok(hash) = argon2::PasswordHash::new(hash) else { return false };
    argon2().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_hash_is_of_its_password_only_and_of_the_documented_cost() {
        let passwords = Passwords::default();
        let hash = passwords.hash("ten green bottles".to_owned()).await.unwrap();
        let verify = async |hash, password: &str| passwords.verify(hash, password.to_owned()).await.unwrap();

        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(verify(Some(hash.clone()), "ten green bottles").await);
        assert!(!verify(Some(hash.clone()), "Ten green bottles").await);
        assert!(!verify(Some(hash), "").await);
        assert!(!verify(Some(PasswordHash("broken".to_owned())), "").await);
        assert!(!verify(None, "").await);
        let again = passwords.hash("ten green bottles".to_owned()).await.unwrap();
        assert_ne!(again, passwords.hash("ten green bottles".to_owned()).await.unwrap(), "each has its salt");
    }

    #[test]
    fn an_unknown_users_password_costs_what_a_known_ones_does() {
        let own = hash("x").0;
        let cost = |hash: &str| {
            let hash = argon2::PasswordHash::new(hash).unwrap();
            let (salt, output) = (hash.salt.unwrap().as_str().len(), hash.hash.unwrap().len());
            (hash.algorithm.to_string(), hash.version, hash.params.to_string(), salt, output)
        };
        assert_eq!(cost(NOBODYS), cost(&own));
    }

    #[tokio::test]
    async fn who_finds_too_many_waiting_is_refused_and_the_others_are_served() {
        let passwords = Passwords::default();
        let all_turns = passwords.turns.acquire_many(2).await.unwrap();
        let waiting: Vec<_> =
            (0..HASHES_AT_ONCE + HASHES_WAITING).map(|_| Box::pin(passwords.in_turn(|| ()))).collect();
        let mut waiting = pin!(join_all(waiting));
        assert!(waiting.as_mut().now_or_never().is_none());

        assert_eq!(passwords.in_turn(|| ()).await, Err(PasswordsBusy));

        drop(all_turns);
        assert!(waiting.await.iter().all(Result::is_ok));
        assert_eq!(passwords.in_turn(|| ()).await, Ok(()));
    }
}
