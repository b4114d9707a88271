//! What a running program prints.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// The lines that a program has printed so far. Clones see the same lines, also those that are still to come.
#[derive(Debug, Clone, Default)]
pub struct Printed {
    stdout: Lines,
    stderr: Lines,
}

#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Printed {
    /// Returns the lines on stdout.
    #[must_use]
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.all()
    }

    /// Returns the lines on stderr: the program's own log.
    #[must_use]
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.all()
    }

    /// Takes the pipes of a process that was just started and reads them to their ends; `on_stderr` sees every
    /// line of the log as it comes.
    pub(crate) fn follow(
        &self,
        child: &mut Child,
        on_stderr: impl FnMut(&str) + Send + 'static,
    ) -> Vec<JoinHandle<()>> {
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        vec![self.stdout.clone().collect(stdout, |_| {}), self.stderr.clone().collect(stderr, on_stderr)]
    }
}

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn collect(
        self,
        pipe: impl Read + Send + 'static,
        mut on_line: impl FnMut(&str) + Send + 'static,
    ) -> JoinHandle<()> {
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                on_line(&line);
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        })
    }
}
