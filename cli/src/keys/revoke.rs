//! `sentinel keys revoke`

use anyhow::ensure;
use domain::Clock;
use store::{AuditStore, By, KeyStore, NotedKeys};

use super::COMMAND_LINE;

/// Revokes the key with this id.
pub(super) async fn run(
    keys: &dyn KeyStore,
    audit: &dyn AuditStore,
    clock: &dyn Clock,
    id: &str,
) -> anyhow::Result<()> {
    let noting = NotedKeys { keys, audit, by: By::means(COMMAND_LINE), at: clock.now() };
    let revoked = noting.revoke(None, id).await?;
    ensure!(revoked.is_some(), "there is no key with the id {id} that still works");
    crate::say(&format!("revoked {id}"));
    Ok(())
}
