//! Writing into a file instead of posting: lines of JSON or text, as services write them and shippers collect them. A file
//! that is large enough is renamed (`app.log` becomes `app.log.1`, that `app.log.2`, ...) and a new one begun.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;

use crate::generated::types::LogsBody;
use crate::parcel::{Body, Parcel};

/// Where lines are written, and when the file is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutFile {
    /// The file.
    pub path: PathBuf,
    /// From how many bytes on it is renamed.
    pub max_bytes: u64,
    /// How many renamed files are kept.
    pub keep: u32,
}

/// Writes the lines. Clones write the same file.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    options: Arc<OutFile>,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl Lines {
    /// Opens the file; what is in it stays.
    pub(crate) fn open(options: &OutFile) -> anyhow::Result<Self> {
        let open =
            Open::at(&options.path).with_context(|| format!("cannot open {}", options.path.display()))?;
        Ok(Self { options: Arc::new(options.clone()), open: Arc::new(Mutex::new(open)) })
    }

    /// Writes the records of a parcel, a line each.
    pub(crate) fn write(&self, parcel: &Parcel) -> anyhow::Result<()> {
        let lines = lines_of(&parcel.body)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.append(&mut open, &lines)
            .with_context(|| format!("cannot write {}", self.options.path.display()))
    }

    fn append(&self, open: &mut Open, lines: &str) -> io::Result<()> {
        if open.bytes >= self.options.max_bytes {
            self.rotate()?;
            *open = Open::at(&self.options.path)?;
        }
        open.file.write_all(lines.as_bytes())?;
        open.bytes += lines.len() as u64;
        Ok(())
    }

    fn rotate(&self) -> io::Result<()> {
        let OutFile { path, keep, .. } = &*self.options;
        for number in (1..*keep).rev() {
            rename_if_there(&numbered(path, number), &numbered(path, number + 1))?;
        }
        if *keep == 0 { fs::remove_file(path) } else { fs::rename(path, numbered(path, 1)) }
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

fn lines_of(body: &Body) -> anyhow::Result<String> {
    let records = match body {
        Body::Text(text) => return Ok(text.clone()),
        Body::Json(LogsBody::One(record)) => std::slice::from_ref(record),
        Body::Json(LogsBody::Many(records)) => records,
    };
    let mut lines = String::new();
    for record in records {
        lines.push_str(&serde_json::to_string(record)?);
        lines.push('\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(text: &str) -> Parcel {
        Parcel { key: "k".to_owned(), first_sequence: 1, last_sequence: 1, body: Body::Text(text.to_owned()) }
    }

    #[test]
    fn a_file_that_is_large_enough_is_renamed_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logs/app.log");
        let lines = Lines::open(&OutFile { path: path.clone(), max_bytes: 4, keep: 2 }).unwrap();

        for text in ["one\n", "two\n", "three\n", "4\n", "5\n"] {
            lines.write(&parcel(text)).unwrap();
        }

        let read = |path: PathBuf| fs::read_to_string(path).ok();
        assert_eq!(read(path.clone()).as_deref(), Some("4\n5\n"));
        assert_eq!(read(numbered(&path, 1)).as_deref(), Some("three\n"));
        assert_eq!(read(numbered(&path, 2)).as_deref(), Some("two\n"));
        assert_eq!(read(numbered(&path, 3)), None);
    }

    #[test]
    fn a_file_that_is_there_is_written_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        for text in ["one\n", "two\n"] {
            let lines = Lines::open(&OutFile { path: path.clone(), max_bytes: 100, keep: 1 }).unwrap();
            lines.write(&parcel(text)).unwrap();
        }
        assert_eq!(fs::read_to_string(path).unwrap(), "one\ntwo\n");
    }
}
