//! The secret that access tokens are signed with: given by the environment, or else made once and kept in a file of the
//! data directory that only its owner can read, for both services.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::options::LoginOptions;

/// Least bytes of a secret: as many as the signature has.
pub const SECRET_MIN_BYTES: usize = 32;

/// Least different characters of a secret that somebody chose.
const DIFFERENT_CHARS_MIN: usize = 8;

/// The file of a secret that nobody chose.
const FILE: &str = "token-secret";

/// Random bytes of a secret that nobody chose.
const RANDOM_BYTES: usize = 32;

/// The secret of the framework's own tutorial, which many installations run with.
const TUTORIAL_SECRET: &str = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";

/// What stands in secrets that were meant to be replaced, in small letters.
const PLACEHOLDERS: [&str; 14] = [
    TUTORIAL_SECRET,
    "changeme",
    "change-me",
    "change_me",
    "change-this",
    "change_this",
    "change-in-production",
    "change_in_production",
    "your-secret",
    "your_secret",
    "yoursecret",
    "secret-key-here",
    "supersecret",
    "django-insecure",
];

/// A secret as an option gives it. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

/// What tokens are signed with. Never shown.
#[derive(Clone)]
pub struct TokenSecret(Vec<u8>);

/// Why there is no secret to sign tokens with. A person has to mend it.
#[derive(Debug, Error)]
pub enum SecretError {
    /// It is given twice.
    #[error("SECRET_KEY and SECRET_KEY_FILE are both set: set one")]
    Twofold,
    /// It can be guessed.
    #[error("the secret of access tokens (SECRET_KEY) has {0} bytes: at least {SECRET_MIN_BYTES} are needed")]
    TooShort(usize),
    /// It can be guessed.
    #[error(
        "the secret of access tokens (SECRET_KEY) is a well-known one, or hardly random: set another, such as the \
         output of `openssl rand -hex 32`"
    )]
    WellKnown,
    /// Its file cannot be used.
    #[error("cannot use the secret of access tokens in {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl TokenSecret {
    /// Returns the secret that the options give, or else that of the data directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn open(options: &LoginOptions, data_dir: &Path) -> Result<Self, SecretError> {
        let given = options.secret_key.as_ref().map(|text| text.0.trim()).filter(|text| !text.is_empty());
        match (given, &options.secret_key_file) {
            (Some(_), Some(_)) => Err(SecretError::Twofold),
            (Some(text), None) => Self::chosen(text),
            (None, Some(path)) => {
                let text = fs::read_to_string(path);
                let text = text.map_err(|source| SecretError::File { path: path.clone(), source })?;
                Self::chosen(text.trim())
            }
            (None, None) => {
                let path = data_dir.join(FILE);
                Self::made_once(&path).map_err(|source| SecretError::File { path, source })
            }
        }
    }

    /// Returns a secret that is forgotten at the end of the process.
    ///
    /// # Panics
    /// When the kernel gives no random bytes.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = vec![0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
        Self(bytes)
    }

    /// Takes a secret that somebody chose.
    fn chosen(text: &str) -> Result<Self, SecretError> {
        if text.len() < SECRET_MIN_BYTES {
            return Err(SecretError::TooShort(text.len()));
        }
        let small = text.to_ascii_lowercase();
        let different: HashSet<char> = small.chars().collect();
        if different.len() < DIFFERENT_CHARS_MIN || PLACEHOLDERS.iter().any(|known| small.contains(known)) {
            return Err(SecretError::WellKnown);
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// Reads the secret in a file; makes both if the file is not there. Of processes that do so at once, one makes it.
    fn made_once(path: &Path) -> io::Result<Self> {
        if let Some(secret) = Self::in_file(path)? {
            return Ok(secret);
        }
        let secret = Self::random();
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Written whole under a name of its own, which nobody else reads, then given its name: whoever finds it finds all of it.
        let mut file = NamedTempFile::new_in(directory)?;
        writeln!(file, "{}", URL_SAFE_NO_PAD.encode(&secret.0))?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Err(error) if error.error.kind() != ErrorKind::AlreadyExists => return Err(error.error),
            _ => File::open(directory)?.sync_all()?,
        }
        Self::in_file(path)?.ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn in_file(path: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).unwrap_or_default();
        if bytes.len() < RANDOM_BYTES {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "no secret: remove the file to have a new one made",
            ));
        }
        Ok(Some(Self(bytes)))
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl FromStr for SecretText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const GOOD: &str = "f3c1d7a95be04286a1c2d3e4f5061728";

    fn options(secret_key: Option<&str>, secret_key_file: Option<PathBuf>) -> LoginOptions {
        let secret_key = secret_key.map(|text| SecretText(text.to_owned()));
        LoginOptions { secret_key, secret_key_file, ..LoginOptions::default() }
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_without_being_shown() {
        let nowhere = Path::new("/nowhere");
        assert!(TokenSecret::open(&options(Some(GOOD), None), nowhere).is_ok());
        let guessable = [
            "changeme",
            "short-but-random-8f2a",
            TUTORIAL_SECRET,
            "Your-Secret-Key-that-is-long-enough-to-pass",
            "this-is-long-but-please-CHANGE_ME-please",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "12345671234567123456712345671234567",
        ];
        for text in guessable {
            let error = TokenSecret::open(&options(Some(text), None), nowhere).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(text), "{error:?}");
        }
    }

    #[test]
    fn a_secret_may_lie_in_a_file_but_not_be_given_twice() {
        let folder = new_folder("given");
        let path = folder.join("secret");
        fs::write(&path, format!("{GOOD}\n")).unwrap();
        let read = TokenSecret::open(&options(None, Some(path.clone())), &folder).unwrap();
        assert_eq!(read.expose(), GOOD.as_bytes());
        assert!(matches!(
            TokenSecret::open(&options(Some(GOOD), Some(path.clone())), &folder),
            Err(SecretError::Twofold)
        ));
        assert!(TokenSecret::open(&options(Some(" "), Some(path)), &folder).is_ok(), "an empty one is none");
        let missing = Some(folder.join("missing"));
        assert!(matches!(TokenSecret::open(&options(None, missing), &folder), Err(SecretError::File { .. })));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn without_one_all_processes_share_one_that_is_made_once_for_its_owner_only() {
        let folder = new_folder("made");
        let first = TokenSecret::made_once(&folder.join(FILE)).unwrap();
        let again = TokenSecret::open(&options(None, None), &folder).unwrap();

        assert!(first.0 == again.0 && again.0.len() == RANDOM_BYTES);
        let mode = fs::metadata(folder.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing unfinished is left");
        fs::write(folder.join(FILE), "broken").unwrap();
        assert!(TokenSecret::open(&options(None, None), &folder).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let shown = format!("{:?} {:?}", options(Some(GOOD), None), TokenSecret::of_bytes(GOOD.as_bytes()));
        assert!(!shown.contains(GOOD) && !shown.contains("102, 51"), "{shown}");
    }

    fn new_folder(name: &str) -> PathBuf {
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let folder =
            std::env::temp_dir().join(format!("sentinel-secret-{name}-{:x}", u64::from_le_bytes(random)));
        fs::create_dir(&folder).unwrap();
        folder
    }
}
