//! Background tasks. Each has an owner (the [`Supervisor`]), a stop signal, and an end that is noticed: one
//! that fails, panics or ends before it is told to is reported, and its process then stops in order instead
//! of running on without it.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How a background task ended that should have gone on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaskFailure {
    /// It returned an error.
    #[error("task {task} failed: {reason}")]
    Failed {
        /// The task's name.
        task: &'static str,
        /// The error and its causes.
        reason: String,
    },
    /// It panicked; the panic itself was logged.
    #[error("task {task} panicked")]
    Panicked {
        /// The task's name.
        task: &'static str,
    },
    /// It came to its end though nobody had told it to stop.
    #[error("task {task} ended before it was told to")]
    EndedEarly {
        /// The task's name.
        task: &'static str,
    },
}

/// Owns background tasks.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    tasks: TaskTracker,
    report: mpsc::Sender<TaskFailure>,
    failures: mpsc::Receiver<TaskFailure>,
}

/// What became of tasks that were told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOutcome {
    /// All have ended.
    Ended,
    /// Some had not in the time they were given.
    StillRunning,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

impl Supervisor {
    /// Makes a supervisor without tasks.
    #[must_use]
    pub fn new() -> Self {
        // The first failure ends the process; the others are only logged.
        let (report, failures) = mpsc::channel(1);
        Self { stop: CancellationToken::new(), tasks: TaskTracker::new(), report, failures }
    }

    /// Starts a task. It is given the token that tells it to stop, and ends soon after that is cancelled.
    pub fn spawn<F, R, E>(&self, task: &'static str, run: F)
    where
        F: FnOnce(CancellationToken) -> R + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let (stop, report) = (self.stop.clone(), self.report.clone());
        self.tasks.spawn(async move {
            let ended = AssertUnwindSafe(async { run(stop.clone()).await }).catch_unwind().await;
            let failure = match ended {
                Ok(Ok(())) if stop.is_cancelled() => return,
                Ok(Ok(())) => TaskFailure::EndedEarly { task },
                Ok(Err(error)) => TaskFailure::Failed { task, reason: format!("{error:#}") },
                Err(_) => TaskFailure::Panicked { task },
            };
            tracing::error!(task, reason = %failure, "background task is gone");
            // Full: an earlier failure waits to be seen, and one is enough.
            let _ = report.try_send(failure);
        });
    }

    /// Waits until a task fails.
    pub async fn failure(&mut self) -> TaskFailure {
        self.failures.recv().await.expect("the supervisor holds a sender itself")
    }

    /// Tells all tasks to stop, and waits for them, but no longer than `at_most`.
    pub async fn stop(&self, at_most: Duration) -> StopOutcome {
        self.stop.cancel();
        self.tasks.close();
        match tokio::time::timeout(at_most, self.tasks.wait()).await {
            Ok(()) => StopOutcome::Ended,
            Err(_) => StopOutcome::StillRunning,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const PLENTY: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_task_that_fails_is_reported_with_its_reason() {
        let mut tasks = Supervisor::new();
        tasks.spawn("merger", |_| async { Err("disk on fire") });
        let expected = TaskFailure::Failed { task: "merger", reason: "disk on fire".into() };
        assert_eq!(tasks.failure().await, expected);
    }

    #[tokio::test]
    async fn a_task_that_panics_is_reported() {
        let mut tasks = Supervisor::new();
        tasks.spawn("merger", |_| async { if true { panic!("oh") } else { Ok::<_, Infallible>(()) } });
        assert_eq!(tasks.failure().await, TaskFailure::Panicked { task: "merger" });
    }

    #[tokio::test]
    async fn a_task_that_ends_too_early_is_reported() {
        let mut tasks = Supervisor::new();
        tasks.spawn("merger", |_| async { Ok::<_, Infallible>(()) });
        assert_eq!(tasks.failure().await, TaskFailure::EndedEarly { task: "merger" });
    }

    #[tokio::test]
    async fn a_task_that_stops_when_told_to_is_no_failure() {
        let mut tasks = Supervisor::new();
        tasks.spawn("merger", |stop| async move {
            stop.cancelled().await;
            Ok::<_, Infallible>(())
        });
        assert_eq!(tasks.stop(PLENTY).await, StopOutcome::Ended);
        assert!(tasks.failures.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_task_that_ignores_the_signal_is_not_waited_for_beyond_the_time() {
        let tasks = Supervisor::new();
        tasks.spawn("stubborn", |_| std::future::pending::<Result<(), Infallible>>());
        assert_eq!(tasks.stop(Duration::from_millis(1)).await, StopOutcome::StillRunning);
    }
}
