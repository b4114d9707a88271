//! The keys with which the fake services send: one for all, one each, or files that somebody else is about to write.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long to wait for a key file. The first start of the containers makes the keys in a second or two.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How often to look for a key file.
const WAIT_STEP: Duration = Duration::from_millis(250);

/// A key. It is not shown when it is formatted for debugging.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes the key's text.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// Returns the key's text.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(..)")
    }
}

/// Where the keys of the services are.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// One key for all services.
    Shared(ApiKey),
    /// A key for each service, by the service's name.
    PerService(BTreeMap<String, ApiKey>),
    /// A directory with a file `<service>.key` for each service; waits up to a minute for the files to appear.
    Directory(PathBuf),
    /// Nobody asks for a key: nothing is sent.
    None,
}

impl KeySource {
    /// Returns the key of `service`; `None` when the shutdown was requested while waiting for it.
    pub(crate) async fn key_of(
        &self,
        service: &str,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Option<ApiKey>> {
        match self {
            Self::Shared(key) => Ok(Some(key.clone())),
            Self::PerService(keys) => {
                keys.get(service).cloned().map(Some).with_context(|| format!("there is no key for {service}"))
            }
            Self::None => bail!("there is no key for {service}"),
            Self::Directory(directory) => {
                wait_for_file(&directory.join(format!("{service}.key")), shutdown).await
            }
        }
    }
}

async fn wait_for_file(path: &Path, shutdown: &CancellationToken) -> anyhow::Result<Option<ApiKey>> {
    let give_up_at = Instant::now() + WAIT_MAX;
    let mut announced = false;
    loop {
        if let Some(key) = read_key(path)? {
            return Ok(Some(key));
        }
        if Instant::now() >= give_up_at {
            bail!("there is no key in {} after {} s", path.display(), WAIT_MAX.as_secs());
        }
        if !announced {
            tracing::info!(path = %path.display(), "waiting for the key {}", path.display());
            announced = true;
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            () = tokio::time::sleep(WAIT_STEP) => {}
        }
    }
}

/// Reads a key file; `None` while it is not there or still empty.
fn read_key(path: &Path) -> anyhow::Result<Option<ApiKey>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim()).filter(|key| !key.is_empty()).map(ApiKey::new)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the key {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown_in_debug_output() {
        let source = KeySource::Shared(ApiKey::new("secret"));

        assert!(!format!("{source:?}").contains("secret"));
    }

    #[tokio::test]
    async fn a_key_file_is_read_without_its_line_end() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("auth-service.key"), "k1\n").unwrap();
        let source = KeySource::Directory(directory.path().to_owned());

        let key = source.key_of("auth-service", &CancellationToken::new()).await.unwrap();

        assert_eq!(key, Some(ApiKey::new("k1")));
    }

    #[tokio::test]
    async fn waiting_for_a_key_file_ends_with_the_shutdown() {
        let directory = tempfile::tempdir().unwrap();
        let source = KeySource::Directory(directory.path().to_owned());
        let shutdown = CancellationToken::new();
        shutdown.cancel();

        let key = source.key_of("auth-service", &shutdown).await.unwrap();

        assert_eq!(key, None);
    }

    #[tokio::test]
    async fn a_service_without_a_key_is_an_error() {
        let source = KeySource::PerService(BTreeMap::new());

        assert!(source.key_of("auth-service", &CancellationToken::new()).await.is_err());
    }
}
