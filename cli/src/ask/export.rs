//! `sentinel export`

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::filters::FilterOptions;
use super::server::{Server, ServerOptions};

/// Which logs to export, and where to
#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    #[command(flatten)]
    filters: FilterOptions,
    /// What is written: CSV with a header, or JSON, a log a line
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Csv)]
    format: Format,
    /// The file to write, which must not be there yet [default: stdout]
    #[arg(long = "out", short = 'o', value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Ndjson,
}

/// Writes everything that is selected. A file is there under its name only once it is whole.
///
/// # Errors
/// When query-svc does not answer, breaks off, or nothing can be written.
pub(crate) async fn run(options: ExportOptions) -> anyhow::Result<()> {
    let server = options.server.server()?;
    let bar = progress_bar(&server, &options).await?;
    let written = match &options.file {
        None => write(&server, &options, &mut io::stdout().lock(), bar.as_ref()).await,
        Some(file) => write_file(&server, &options, file, bar.as_ref()).await,
    };
    bar.iter().for_each(ProgressBar::finish_and_clear);
    match written {
        // Whoever reads has enough.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        written => written,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

async fn write_file(
    server: &Server,
    options: &ExportOptions,
    file: &PathBuf,
    bar: Option<&ProgressBar>,
) -> anyhow::Result<()> {
    ensure!(!file.exists(), "{} is there already", file.display());
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut part = tempfile::NamedTempFile::new_in(directory.unwrap_or(std::path::Path::new(".")))?;
    write(server, options, &mut io::BufWriter::new(part.as_file_mut()), bar).await?;
    part.as_file().sync_all()?;
    part.persist_noclobber(file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}

async fn write(
    server: &Server,
    options: &ExportOptions,
    out: &mut impl Write,
    bar: Option<&ProgressBar>,
) -> anyhow::Result<()> {
    let mut parameters = options.filters.parameters();
    let format = if options.format == Format::Csv { "csv" } else { "ndjson" };
    parameters.push(("format".to_owned(), format.to_owned()));
    let mut answer = server.ask(server.get("/api/v1/logs/export", &parameters)).await?;
    while let Some(part) =
        answer.chunk().await.context("the export breaks off: what was written is not whole")?
    {
        out.write_all(&part)?;
        if let Some(bar) = bar {
            bar.inc(memchr::memchr_iter(b'\n', &part).count() as u64);
        }
    }
    out.flush()?;
    Ok(())
}

/// Returns a bar on stderr, if somebody sees it there and the export does not go to the same terminal.
async fn progress_bar(server: &Server, options: &ExportOptions) -> anyhow::Result<Option<ProgressBar>> {
    let is_in_the_way = options.file.is_none() && io::stdout().is_terminal();
    if !io::stderr().is_terminal() || is_in_the_way {
        return Ok(None);
    }
    let mut parameters = options.filters.parameters();
    parameters.push(("limit".to_owned(), "1".to_owned()));
    let answer = server.ask(server.get("/api/v1/logs", &parameters)).await?;
    let page: Value = serde_json::from_slice(&answer.bytes().await?)?;
    let style = ProgressStyle::with_template(
        "{wide_bar} {human_pos} of about {human_len} lines, {per_sec}, {eta} left",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    Ok(Some(ProgressBar::new(page["total"].as_u64().unwrap_or_default()).with_style(style)))
}
