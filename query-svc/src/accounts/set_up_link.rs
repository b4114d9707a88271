//! The link with which a user makes himself: the first one, or an owner who is locked out. It is shown once, on the stdout
//! of a program that somebody started, and works once, for a day.

use std::net::SocketAddr;

use domain::{Clock, Timestamp};
use sentinel_http::logins::random_token;
use sentinel_http::reachable;
use store::{StoreError, UserStore};

/// How long a link works, in microseconds (24 h).
const LINK_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Makes a link; an earlier one does not work any more. `origin`: where a browser reaches query-svc, such as
/// `http://127.0.0.1:8000`.
///
/// # Errors
/// The store's.
pub async fn make_link(users: &dyn UserStore, clock: &dyn Clock, origin: &str) -> Result<String, StoreError> {
    let token = random_token();
    let expires_at = Timestamp::saturating_from_micros(clock.now().as_micros().saturating_add(LINK_MICROS));
    users.put_set_up_token(token.digest(), expires_at).await?;
    Ok(format!("{}/setup#token={}", origin.trim_end_matches('/'), token.expose()))
}

/// Makes a link if there is no user at all, and returns what to print.
///
/// # Errors
/// The store's.
pub async fn first_link(
    users: &dyn UserStore,
    clock: &dyn Clock,
    scheme: &str,
    address: SocketAddr,
) -> Result<Option<String>, StoreError> {
    if !users.list_all().await?.is_empty() {
        return Ok(None);
    }
    let link = make_link(users, clock, &format!("{scheme}://{}", reachable(address))).await?;
    Ok(Some(format!("There is no user yet. Make the first one here, once, within 24 hours: {link}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_where_a_browser_can_go() {
        let table =
            [("0.0.0.0:8000", "127.0.0.1:8000"), ("[::]:8000", "[::1]:8000"), ("10.1.2.3:80", "10.1.2.3:80")];
        for (address, expected) in table {
            assert_eq!(reachable(address.parse().unwrap()).to_string(), expected);
        }
    }
}
