//! Real logs: the lines of loghub's structured files, repeated with fresh times.
//!
//! The files hold a line's parts in columns; here they are put together again, in the order that they have there.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use domain::Severity;

use super::log_set::{SET_STARTS_MICROS, STEP_MICROS, SetLog};

/// How the names of the files end.
const FILE_SUFFIX: &str = "_2k.log_structured.csv";

/// The columns that loghub added to the line.
const ADDED_COLUMNS: [&str; 3] = ["LineId", "EventId", "EventTemplate"];

/// The lines of several systems.
#[derive(Debug)]
pub(crate) struct Loghub {
    systems: Vec<System>,
}

#[derive(Debug)]
struct System {
    /// The system's name, which is the service's.
    name: String,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    text: String,
    severity: Option<String>,
}

impl Loghub {
    /// Reads the files of a directory.
    ///
    /// # Errors
    /// When there are none, or one cannot be read.
    pub(crate) fn read(directory: &Path) -> anyhow::Result<Self> {
        let entries =
            std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        paths.sort();
        let mut systems = Vec::new();
        for path in paths {
            let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(FILE_SUFFIX));
            if let Some(name) = name {
                let lines = read_lines(&path).with_context(|| format!("cannot read {}", path.display()))?;
                ensure!(!lines.is_empty(), "{} is empty", path.display());
                systems.push(System { name: name.to_owned(), lines });
            }
        }
        ensure!(!systems.is_empty(), "no files *{FILE_SUFFIX} in {}", directory.display());
        Ok(Self { systems })
    }

    /// Returns the `n`-th log: the systems take turns.
    pub(super) fn log(&self, n: u64) -> SetLog<'_> {
        let count = self.systems.len() as u64;
        let system = &self.systems[(n % count) as usize];
        let line = &system.lines[(n / count % system.lines.len() as u64) as usize];
        SetLog {
            timestamp_micros: SET_STARTS_MICROS + n * STEP_MICROS,
            service: &system.name,
            severity: line.severity.as_deref(),
            message: Cow::Borrowed(&line.text),
            attributes: String::new(),
        }
    }
}

fn read_lines(path: &Path) -> anyhow::Result<Vec<Line>> {
    let mut rows = csv::Reader::from_path(path)?;
    let columns = rows.headers()?.clone();
    let mut lines = Vec::new();
    for row in rows.records() {
        let row = row?;
        let cells = columns.iter().zip(row.iter());
        let own: Vec<&str> =
            cells.clone().filter(|(name, _)| !ADDED_COLUMNS.contains(name)).map(|(_, cell)| cell).collect();
        // In some files this column holds something else.
        let level = cells.clone().find(|(name, cell)| *name == "Level" && Severity::parse(cell).is_ok());
        lines.push(Line { text: own.join(" "), severity: level.map(|(_, cell)| cell.to_owned()) });
    }
    Ok(lines)
}
