//! The `.env` file: settings for people who do not want to type them.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a `.env` file could not be used. Says where, never what the line holds: it may be a secret.
#[derive(Debug, Error)]
pub enum DotenvError {
    /// A line is not `NAME=value`.
    #[error("cannot read the .env file: a line is not NAME=value")]
    Malformed,
    /// The file is there but cannot be read.
    #[error("cannot read the .env file")]
    Unreadable(#[source] io::Error),
}

/// Reads `.env` of the working directory, or of the nearest directory above it that has one, into the
/// environment, and returns its path. A variable that is set already stays as it is; without a file nothing
/// happens. To be called before options are parsed and before any thread is started.
///
/// # Errors
/// [`DotenvError`].
pub fn load_dotenv() -> Result<Option<PathBuf>, DotenvError> {
    outcome(dotenvy::dotenv())
}

fn outcome(loaded: dotenvy::Result<PathBuf>) -> Result<Option<PathBuf>, DotenvError> {
    match loaded {
        Ok(path) => Ok(Some(path)),
        Err(error) if error.not_found() => Ok(None),
        Err(dotenvy::Error::Io(error)) => Err(DotenvError::Unreadable(error)),
        Err(_) => Err(DotenvError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_no_error() {
        let missing = dotenvy::Error::Io(io::ErrorKind::NotFound.into());
        assert!(matches!(outcome(Err(missing)), Ok(None)));
    }

    #[test]
    fn a_broken_line_is_an_error_that_does_not_show_it() {
        let broken = dotenvy::Error::LineParse("API_KEY hunter2".into(), 8);
        let error = outcome(Err(broken)).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
