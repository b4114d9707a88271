//! `sentinel keys revoke`

use anyhow::ensure;
use domain::Clock;
use store::KeyStore;

/// Revokes the key with this id.
pub(super) async fn run(keys: &dyn KeyStore, clock: &dyn Clock, id: &str) -> anyhow::Result<()> {
    let revoked = keys.revoke(id, clock.now()).await?;
    ensure!(revoked, "there is no key with the id {id} that still works");
    crate::say(&format!("revoked {id}"));
    Ok(())
}
