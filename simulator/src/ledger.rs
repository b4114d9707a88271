//! The ledger: what was acknowledged, one JSON line per request, on the disk before anybody counts it.
//!
//! ```json
//! {"key":"web-1-9f..-auth-service-1","service":"auth-service","first_id":17,"last_id":26,"accepted":10,
//!  "run":"web-1-9f..","first_sequence":1,"last_sequence":10}
//! ```
//! (in one line). A line is appended and synced only after the whole answer was read; a request without a line was not
//! acknowledged, though it may be stored. A process that is killed can leave half a line at the end: it was never
//! acknowledged, readers skip it and the next writer removes it. A file has one writer at a time, which a lock ensures.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

/// The ending of the ledgers in a directory.
pub(crate) const FILE_ENDING: &str = "jsonl";

/// One acknowledged request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The idempotency key of the request.
    pub key: String,
    /// The service that sent it.
    pub service: String,
    /// The id of the first stored record.
    pub first_id: u64,
    /// The id of the last stored record.
    pub last_id: u64,
    /// How many records were stored.
    pub accepted: u64,
    /// The run, unique: the replica's name and a random number.
    pub run: String,
    /// The number of the first record that was sent, within the run and the service.
    pub first_sequence: u64,
    /// The number of the last record that was sent.
    pub last_sequence: u64,
}

/// Writes a ledger. Clones write the same file.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    file: Arc<Mutex<File>>,
    path: Arc<Path>,
}

impl Ledger {
    /// Opens the ledger of `run` at `target`: a file, or a directory that gets a file named after the run.
    pub(crate) fn open(target: &Path, run: &str) -> anyhow::Result<Self> {
        let path = ledger_path(target, run);
        let context = || format!("cannot open the ledger {}", path.display());
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(context)?;
        }
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(&path).with_context(context)?;
        file.try_lock().with_context(|| format!("another process writes the ledger {}", path.display()))?;
        remove_torn_line(&mut file).with_context(context)?;
        sync_directory(&path).with_context(context)?;
        Ok(Self { file: Arc::new(Mutex::new(file)), path: path.into() })
    }

    /// Appends the entry; when this returns, it is on the disk.
    pub(crate) async fn append(&self, entry: &LedgerEntry) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let file = Arc::clone(&self.file);
        let write = move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(&line)?;
            file.sync_data()
        };
        tokio::task::spawn_blocking(write)
            .await
            .context("writing the ledger panicked")?
            .with_context(|| format!("cannot write the ledger {}", self.path.display()))
    }
}

/// Reads all entries of these ledgers; a directory stands for its files that end in `.jsonl`.
pub fn read_ledgers(paths: &[PathBuf]) -> anyhow::Result<Vec<LedgerEntry>> {
    let mut entries = Vec::new();
    for path in paths {
        let context = || format!("cannot read the ledger {}", path.display());
        if !path.is_dir() {
            read_file(path, &mut entries)?;
            continue;
        }
        for file in fs::read_dir(path).with_context(context)? {
            let file = file.with_context(context)?.path();
            if file.extension().is_some_and(|ending| ending == FILE_ENDING) {
                read_file(&file, &mut entries)?;
            }
        }
    }
    Ok(entries)
}

fn read_file(path: &Path, entries: &mut Vec<LedgerEntry>) -> anyhow::Result<()> {
    let bytes = fs::read(path).with_context(|| format!("cannot read the ledger {}", path.display()))?;
    let complete = complete_length(&bytes);
    for (index, line) in bytes[..complete].split_inclusive(|byte| *byte == b'\n').enumerate() {
        let place = || format!("line {} of the ledger {}", index + 1, path.display());
        let entry: LedgerEntry = serde_json::from_slice(line).with_context(place)?;
        let ids = (entry.last_id + 1).checked_sub(entry.first_id);
        ensure!(ids == Some(entry.accepted), "{}: the ids do not fit the number of records", place());
        entries.push(entry);
    }
    Ok(())
}

fn ledger_path(target: &Path, run: &str) -> PathBuf {
    let names_directory = target.as_os_str().as_encoded_bytes().ends_with(b"/");
    if names_directory || target.is_dir() {
        return target.join(format!("{run}.{FILE_ENDING}"));
    }
    target.to_owned()
}

/// The length of the bytes up to and with the last line end.
fn complete_length(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1)
}

fn remove_torn_line(file: &mut File) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let complete = complete_length(&bytes);
    if complete < bytes.len() {
        file.set_len(complete as u64)?;
    }
    Ok(())
}

/// Makes the name of a new file durable, not only its contents.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(first_id: u64, accepted: u64) -> LedgerEntry {
        LedgerEntry {
            key: format!("web-1-ab-auth-service-{first_id}"),
            service: "auth-service".to_owned(),
            first_id,
            last_id: first_id + accepted - 1,
            accepted,
            run: "web-1-ab".to_owned(),
            first_sequence: first_id,
            last_sequence: first_id + accepted - 1,
        }
    }

    #[tokio::test]
    async fn what_is_appended_is_read_back_also_after_reopening() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.jsonl");

        Ledger::open(&path, "web-1-ab").unwrap().append(&entry(1, 10)).await.unwrap();
        Ledger::open(&path, "web-1-ab").unwrap().append(&entry(11, 5)).await.unwrap();

        assert_eq!(read_ledgers(&[path]).unwrap(), [entry(1, 10), entry(11, 5)]);
    }

    #[tokio::test]
    async fn a_directory_gets_one_file_per_run_and_is_read_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let target = PathBuf::from(format!("{}/new/", directory.path().display()));

        Ledger::open(&target, "web-1-ab").unwrap().append(&entry(1, 1)).await.unwrap();
        Ledger::open(&target, "web-2-cd").unwrap().append(&entry(2, 1)).await.unwrap();

        assert!(target.join("web-1-ab.jsonl").exists());
        assert_eq!(read_ledgers(&[target]).unwrap().len(), 2);
    }

    #[tokio::test]
    async fn half_a_line_at_the_end_is_skipped_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.jsonl");
        Ledger::open(&path, "r").unwrap().append(&entry(1, 10)).await.unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"key\":\"torn").unwrap();

        assert_eq!(read_ledgers(std::slice::from_ref(&path)).unwrap(), [entry(1, 10)]);

        Ledger::open(&path, "r").unwrap().append(&entry(11, 5)).await.unwrap();
        assert_eq!(read_ledgers(&[path]).unwrap(), [entry(1, 10), entry(11, 5)]);
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error_with_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.jsonl");
        fs::write(&path, "nonsense\n{}\n").unwrap();

        let error = read_ledgers(&[path]).unwrap_err().to_string();

        assert!(error.starts_with("line 1 of the ledger"), "{error}");
    }

    #[test]
    fn a_file_has_one_writer_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.jsonl");

        let _first = Ledger::open(&path, "r").unwrap();

        assert!(Ledger::open(&path, "r").is_err());
    }
}
