//! Where the certificate lies.

use std::path::PathBuf;

use clap::Args;

use crate::listener::TlsFiles;

/// The options of TLS: both, or neither.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsOptions {
    /// File with the certificate and those between it and its root, PEM: connections are TLS then, and nothing else.
    /// Read again when it changes
    #[arg(long, env = "SENTINEL_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// File with the certificate's private key, PEM
    #[arg(long, env = "SENTINEL_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl TlsOptions {
    /// Returns the scheme of the service's own address.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.files().is_some() { "https" } else { "http" }
    }

    /// Returns the files, if TLS is asked for.
    #[must_use]
    pub fn files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Options {
        #[command(flatten)]
        tls: TlsOptions,
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let read = |flags: &[&str]| Options::try_parse_from([&["service"], flags].concat());
        assert_eq!(read(&[]).unwrap().tls.files(), None);
        assert!(read(&["--tls-cert", "c.pem"]).is_err());
        assert!(read(&["--tls-key", "k.pem"]).is_err());
        let files = read(&["--tls-cert", "c.pem", "--tls-key", "k.pem"]).unwrap().tls.files().unwrap();
        assert_eq!((files.certificate, files.key), ("c.pem".into(), "k.pem".into()));
    }
}
