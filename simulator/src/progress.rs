//! Shows how a run goes: a line that redraws itself on a terminal, else a log line now and then.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior};

use crate::counters::Counters;

/// How often the line on a terminal is redrawn.
const REDRAW_EVERY: Duration = Duration::from_millis(250);
/// How often a line is logged where there is no terminal.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Shows the counters, until it is dropped.
pub(crate) async fn show(counters: Arc<Counters>, show_line: bool) {
    let line = (show_line && std::io::stderr().is_terminal()).then(TerminalLine::new);
    let start = Instant::now();
    let mut ticks = tokio::time::interval(if line.is_some() { REDRAW_EVERY } else { LOG_EVERY });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let summary = counters.summary();
        let rate = summary.acknowledged as f64 / start.elapsed().as_secs_f64();
        match &line {
            Some(line) => line.bar.set_message(format!("{summary}, {rate:.1} logs/s")),
            None => tracing::info!(
                sent = summary.sent,
                acknowledged = summary.acknowledged,
                rejected = summary.rejected,
                retries = summary.retries,
                "{summary}, {rate:.1} logs/s"
            ),
        }
    }
}

/// The line on the terminal; it disappears with its owner.
struct TerminalLine {
    bar: ProgressBar,
}

impl TerminalLine {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
        let bar =
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(REDRAW_EVERY);
        Self { bar }
    }
}

impl Drop for TerminalLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
