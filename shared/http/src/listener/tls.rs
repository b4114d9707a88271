//! TLS: the certificate and its key from two files, which may be replaced while the service runs.
//!
//! The files are looked at every few seconds. New ones count for new connections; the open ones go on as they
//! are. Files that are broken, or do not belong together, as between two writes, change nothing: the error is
//! logged once, and the certificate that was there is kept.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::{self, ALL_VERSIONS, ServerConfig};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// What is offered to clients, the best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where the certificate and its key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and its root, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be used. A person has to mend it.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not PEM, or lacks what it should hold.
    #[error("{} holds no PEM of the kind that is expected there", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// The certificate and the key cannot be used, or not together.
    #[error("the certificate and the key cannot be used together")]
    Unusable(#[from] rustls::Error),
}

/// The TLS of a listener.
#[derive(Debug)]
pub(super) struct Tls {
    files: TlsFiles,
    current: Mutex<Arc<ServerConfig>>,
    /// Of the files that were looked at last.
    seen: Mutex<Seen>,
}

/// What identifies the content of the files: if it cannot be read, nothing.
type Seen = Option<[u8; 32]>;

/// The two files as they are read.
struct Pems {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(super) async fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let pems = Pems::read(&files).await?;
        let current = Mutex::new(Arc::new(pems.config(&files)?));
        Ok(Self { files, current, seen: Mutex::new(Some(pems.digest())) })
    }

    /// Returns what shakes hands with the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Looks at the files every few seconds, for ever.
    pub(super) async fn follow_files(&self) {
        loop {
            sleep(LOOK_EVERY).await;
            self.look().await;
        }
    }

    /// Takes what the files hold, if that is new and can be used.
    pub(super) async fn look(&self) {
        let pems = Pems::read(&self.files).await;
        let digest = pems.as_ref().ok().map(Pems::digest);
        if std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), digest) == digest
        {
            return;
        }
        match pems.and_then(|pems| pems.config(&self.files)) {
            Ok(config) => {
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                tracing::info!("the certificate was replaced");
            }
            Err(error) => {
                let error = &error as &dyn StdError;
                tracing::error!(error, "the new certificate cannot be used; the one before it is kept");
            }
        }
    }
}

impl Pems {
    async fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self { certificate: read(&files.certificate).await?, key: read(&files.key).await? })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(Sha256::digest(&self.certificate));
        digest.update(Sha256::digest(&self.key));
        digest.finalize().into()
    }

    fn config(&self, files: &TlsFiles) -> Result<ServerConfig, TlsError> {
        let not_pem = |path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::Pem { path, source }
        };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(not_pem(&files.certificate))?;
        if chain.is_empty() {
            return Err(not_pem(&files.certificate)(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(not_pem(&files.key))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(ALL_VERSIONS)?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }
}

/// Returns the cryptography that TLS is made of.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

async fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    tokio::fs::read(path).await.map_err(|source| TlsError::Read { path: path.to_owned(), source })
}
