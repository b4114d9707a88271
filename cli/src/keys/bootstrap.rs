//! `sentinel keys bootstrap`: the keys of an installation that nobody sits in front of.
//!
//! Each key lies in a file of its own in the data directory, readable by its owner only: `keys/<service>.key`
//! for every service that the simulator plays, bound to it, `keys/shipper.key`, which sends for any, and `keys/reader.key`. A file that is there is
//! left as it is.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Context;
use domain::{Clock, Scope, ScopeSet, ServiceName, Tenant};
use store::{AuditStore, KeyStore};

use super::{KeyOptions, make_key};

/// Only the owner reads keys, and only the owner lists them.
const KEY_FILE_MODE: u32 = 0o600;
const KEY_DIRECTORY_MODE: u32 = 0o700;

/// The keys of an installation.
pub(crate) struct KeyFiles {
    /// A key that reads and deletes.
    pub(crate) reader: String,
    /// A key to send logs with, for each service of the simulator.
    pub(crate) senders: BTreeMap<String, String>,
}

/// Makes what is missing, and shows the reader's key.
pub(super) async fn run(
    keys: &dyn KeyStore,
    audit: &dyn AuditStore,
    clock: &dyn Clock,
    data_dir: &Path,
) -> anyhow::Result<()> {
    let files = make_key_files(keys, audit, clock, data_dir).await?;
    let reader = files.reader;
    crate::say("Log Sentinel: open http://127.0.0.1:8000/docs and Authorize with the reader's key, or paste");
    crate::say(&format!("  curl -H 'Authorization: Bearer {reader}' 'http://127.0.0.1:8000/logs?limit=5'"));
    crate::say(&format!("The reader's key (read, delete): {reader}"));
    Ok(())
}

/// Makes the key files that are missing, and reads all of them.
///
/// # Errors
/// When a file cannot be read or written, or the key store fails.
pub(crate) async fn make_key_files(
    keys: &dyn KeyStore,
    audit: &dyn AuditStore,
    clock: &dyn Clock,
    data_dir: &Path,
) -> anyhow::Result<KeyFiles> {
    let stores = (keys, audit);
    let directory = data_dir.join("keys");
    let made = DirBuilder::new().recursive(true).mode(KEY_DIRECTORY_MODE).create(&directory);
    made.with_context(|| format!("cannot make {}", directory.display()))?;
    let reader = ScopeSet::of(&[Scope::Read, Scope::Delete]);
    let reader = key_file(stores, clock, &directory, "reader", reader, None).await?;
    let ingest = ScopeSet::of(&[Scope::Ingest]);
    key_file(stores, clock, &directory, "shipper", ingest, None).await?;
    let mut senders = BTreeMap::new();
    for service in simulator::service_names() {
        let name = ServiceName::parse(service)?;
        let key = key_file(stores, clock, &directory, service, ingest, Some(name)).await?;
        senders.insert(service.to_owned(), key);
    }
    Ok(KeyFiles { reader, senders })
}

/// Returns the key in a file; makes both if the file is not there.
async fn key_file(
    (keys, audit): (&dyn KeyStore, &dyn AuditStore),
    clock: &dyn Clock,
    directory: &Path,
    name: &str,
    scopes: ScopeSet,
    service: Option<ServiceName>,
) -> anyhow::Result<String> {
    let path = directory.join(format!("{name}.key"));
    if path.exists() {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        return Ok(text.trim().to_owned());
    }
    let tenant = Tenant::parse(Tenant::DEFAULT_NAME)?;
    let options = KeyOptions { name: name.to_owned(), tenant, service, scopes, expires: None };
    let key = make_key(keys, audit, clock, &options).await?.text;
    write_privately(&path, &key).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(key)
}

/// Writes a file that only its owner can read at any moment, and that is there whole or not at all.
fn write_privately(path: &Path, text: &str) -> anyhow::Result<()> {
    let unfinished = path.with_extension("unfinished");
    // One that an earlier run left behind may be open to others: it is not written to.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(KEY_FILE_MODE).open(&unfinished)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_its_owners_only_whatever_an_earlier_run_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        let (path, left) = (directory.path().join("a.key"), directory.path().join("a.unfinished"));
        fs::write(&left, "half a k").unwrap();
        fs::set_permissions(&left, Permissions::from_mode(0o666)).unwrap();

        write_privately(&path, "ls_key").unwrap();

        assert_eq!(fs::read_to_string(&path).unwrap(), "ls_key\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, KEY_FILE_MODE);
        assert!(!left.exists());
    }
}
