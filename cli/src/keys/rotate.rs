//! `sentinel keys rotate`

use anyhow::bail;
use domain::Clock;
use domain::limits::KEYS_MAX;
use sentinel_http::random_key;
use store::keys::rotation::Overlap;
use store::{AuditStore, By, KeyDigest, KeyStore, NotedKeys, RotateOutcome, Rotation};

use super::COMMAND_LINE;

/// Replaces the key with this id, and prints its successor.
pub(super) async fn run(
    keys: &dyn KeyStore,
    audit: &dyn AuditStore,
    clock: &dyn Clock,
    id: &str,
    overlap: Overlap,
) -> anyhow::Result<()> {
    let key = random_key();
    let rotation = Rotation {
        id: id.to_owned(),
        successor_id: key.id.clone(),
        successor_digest: KeyDigest::of(&key.text),
        at: clock.now(),
        overlap,
    };
    let noting = NotedKeys { keys, audit, by: By::means(COMMAND_LINE), at: rotation.at };
    match noting.rotate(None, &rotation).await? {
        RotateOutcome::Rotated(_) => {}
        RotateOutcome::NotWorking => bail!("there is no key with the id {id} that works"),
        RotateOutcome::AlreadyRotated => bail!("the key {id} has a successor already; rotate that one"),
        RotateOutcome::LimitReached => bail!(
            "the tenant has {KEYS_MAX} keys that work, the most there may be; revoke one first, or take --overlap 0s"
        ),
    }
    crate::say(&key.text);
    Ok(())
}
