//! `sentinel verify`: compares everything that a store keeps twice, beside services that may be running.

use std::process::ExitCode;

use clap::Args;
use runtime::DataDir;
use store_sqlite::{VerifyProgress, VerifyReport};

use crate::say;

/// How often progress is said: every so many blocks.
const SAID_EVERY_BLOCKS: u64 = 1000;

/// What to verify.
#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    data_dir: DataDir,
}

/// Verifies the logs of a data directory, and says what was looked at and what is wrong.
///
/// # Errors
/// When the store cannot be read, which does not say that it is damaged.
pub(crate) async fn run(options: VerifyOptions) -> anyhow::Result<ExitCode> {
    let report = store_sqlite::verify(&options.data_dir.data_dir, &show_progress).await?;
    for line in lines(&report) {
        say(&line);
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show_progress(progress: VerifyProgress) {
    if progress.blocks_done > 0 && progress.blocks_done.is_multiple_of(SAID_EVERY_BLOCKS) {
        say(&format!("{} of {} blocks", progress.blocks_done, progress.blocks));
    }
}

fn lines(report: &VerifyReport) -> Vec<String> {
    let mut lines: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    if report.unlisted_problems > 0 {
        lines.push(format!("and {} problems more", report.unlisted_problems));
    }
    let VerifyReport { blocks, records, chunks, .. } = report;
    let counted = format!("{blocks} blocks, {records} records, {chunks} chunks");
    lines.push(if report.is_sound() {
        format!("Sound: {counted}.")
    } else {
        format!("Damaged: {counted} could be read. Restore from a backup.")
    });
    lines
}

#[cfg(test)]
mod tests {
    use store_sqlite::Problem;

    use super::*;

    #[test]
    fn every_problem_is_a_line_and_the_last_line_says_how_it_stands() {
        let sound = VerifyReport { blocks: 2, records: 30, chunks: 3, ..VerifyReport::default() };
        let problem = Problem { table: "chunks", id: "64".to_owned(), what: "it is missing".to_owned() };
        let damaged = VerifyReport { problems: vec![problem], unlisted_problems: 7, ..sound.clone() };

        assert_eq!(lines(&sound), ["Sound: 2 blocks, 30 records, 3 chunks."]);
        assert_eq!(
            lines(&damaged),
            [
                "chunks 64: it is missing",
                "and 7 problems more",
                "Damaged: 2 blocks, 30 records, 3 chunks could be read. Restore from a backup."
            ]
        );
    }
}
