//! The result of a check, and how it is printed.

use std::fmt;

/// How many examples of missing and duplicated logs are kept.
pub(super) const EXAMPLES_MAX: usize = 10;

/// What a check has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Logs that the ledgers say were acknowledged.
    pub acked: u64,
    /// Acknowledged logs that are stored.
    pub found: u64,
    /// Acknowledged logs that are not stored.
    pub missing: u64,
    /// Logs that are there more than once: an id listed or acknowledged twice, or a record stored under a second id.
    pub duplicated: u64,
    /// Logs of the runs in the ledgers that are stored but were not acknowledged. No fault: their answer was lost.
    pub unacknowledged: u64,
    /// Some of the missing and duplicated logs, in words.
    pub examples: Vec<String>,
}

impl Report {
    /// Whether every acknowledged log is stored exactly once.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing == 0 && self.duplicated == 0
    }

    pub(super) fn add_example(&mut self, example: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acked, found, missing, duplicated, unacknowledged, examples } = self;
        writeln!(formatter, "acked {acked} / found {found} / missing {missing} / duplicated {duplicated}")?;
        for example in examples {
            writeln!(formatter, "  {example}")?;
        }
        if *unacknowledged > 0 {
            writeln!(formatter, "unacknowledged but stored {unacknowledged}")?;
        }
        Ok(())
    }
}
