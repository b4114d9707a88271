//! `sentinel keys list`

use domain::{Clock, ServiceName, Timestamp};
use store::{KeyRecord, KeyStore};

const HEADINGS: [&str; 8] = ["ID", "NAME", "TENANT", "SCOPES", "SERVICE", "CREATED", "LAST USED", "STATE"];

/// Prints a table of all keys.
pub(super) async fn run(keys: &dyn KeyStore, clock: &dyn Clock) -> anyhow::Result<()> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(keys.list().await?.iter().map(|key| row(key, clock.now())));
    crate::show_table(&rows);
    Ok(())
}

fn row(key: &KeyRecord, now: Timestamp) -> [String; 8] {
    let principal = &key.principal;
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) if at <= now => format!("expired {at}"),
        (None, Some(at)) => format!("works until {at}"),
        (None, None) => "works".to_owned(),
    };
    [
        key.id.clone(),
        key.name.clone(),
        principal.tenant.to_string(),
        principal.scopes.to_string(),
        principal.service.as_ref().map_or_else(|| "-".to_owned(), ServiceName::to_string),
        key.created_at.to_string(),
        key.last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
        state,
    ]
}
