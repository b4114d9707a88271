//! `sentinel import`: what can be asked for, and the sending.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, bail};
use clap::{Args, value_parser};
use indicatif::{ProgressBar, ProgressStyle};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::mpsc;

use super::batches::{Batch, Batches, Origin};
use super::format::Format;
use super::reading::{Source, read_all};
use crate::deliver::{Courier, Delivery, EndpointOptions, Parcel};

/// The exit status when some logs were not valid.
const EXIT_REJECTED: u8 = 1;

/// How many batches are read before they are sent.
const BATCHES_AHEAD: usize = 2;

/// How much of a file is looked at to see what it is, and is read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// How many errors are shown.
const ERRORS_SHOWN: usize = 10;

/// What to import, and where to
#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// The file; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the file is; `auto` goes by its name and its beginning
    #[arg(long, env = "SENTINEL_FORMAT", value_enum, value_name = "FORMAT", default_value_t = Format::Auto)]
    format: Format,
    /// The service of logs that name none [default: the service that the key is bound to]
    #[arg(long, env = "SENTINEL_SERVICE", value_name = "NAME")]
    service: Option<String>,
    /// Most logs of a request, up to 10000. A file that is imported again, with the same size, within 24 h stores nothing twice
    #[arg(long, env = "SENTINEL_BATCH_SIZE", value_name = "LOGS", default_value_t = 1000,
          value_parser = value_parser!(u32).range(1..=10_000))]
    batch_size: u32,
    #[command(flatten)]
    endpoint: EndpointOptions,
}

/// What became of the logs so far.
#[derive(Debug, Default)]
struct Tally {
    accepted: u64,
    rejected: u64,
    errors: Vec<String>,
}

/// Sends all logs of a file, and prints how many were stored.
///
/// # Errors
/// When the file cannot be read to its end; what was read before is sent.
pub(crate) async fn run(options: ImportOptions) -> anyhow::Result<ExitCode> {
    let _telemetry = runtime::telemetry::init("sentinel-import", runtime::LogFormat::Text);
    let stop = runtime::signal_token()?;
    let on_trouble = Arc::new(|_: Option<&str>| {});
    let endpoint = options.endpoint.endpoint()?;
    let mut courier = Courier::new(endpoint, stop, StdRng::from_os_rng(), on_trouble);
    let (origin, input, bar) = open(&options.file)?;
    let (batches, mut read) = mpsc::channel(BATCHES_AHEAD);
    // A read of stdin cannot be taken back: the thread ends with the process.
    let reader = thread::spawn(move || read_batches(&options, input, &batches));

    let mut tally = Tally::default();
    while let Some(batch) = read.recv().await {
        if !deliver(&mut courier, &origin, batch, &mut tally).await? {
            bail!("interrupted; {} logs are stored. Import the file again to go on", tally.accepted);
        }
    }
    bar.finish_and_clear();
    crate::say(&format!("{} accepted, {} rejected", tally.accepted, tally.rejected));
    tally.errors.iter().for_each(|error| crate::say(error));
    let Ok(ended) = reader.join() else { bail!("the reading has panicked") };
    ended.context("the file was not read to its end")?;
    Ok(if tally.rejected > 0 { ExitCode::from(EXIT_REJECTED) } else { ExitCode::SUCCESS })
}

/// A file, what its keys derive from, and how far it is.
type Opened = (Origin, Box<dyn Read + Send>, ProgressBar);

fn open(path: &Path) -> anyhow::Result<Opened> {
    if path == Path::new("-") {
        return Ok((Origin::unique(rand::rng().random()), Box::new(io::stdin()), ProgressBar::hidden()));
    }
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    let origin = Origin::of_file(&path.canonicalize().with_context(cannot)?, &metadata);
    if !io::stderr().is_terminal() {
        return Ok((origin, Box::new(file), ProgressBar::hidden()));
    }
    let style =
        ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
    let bar = ProgressBar::new(metadata.len());
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    Ok((origin, Box::new(bar.wrap_read(file)), bar))
}

fn read_batches(
    options: &ImportOptions,
    input: Box<dyn Read + Send>,
    batches: &mpsc::Sender<Batch>,
) -> anyhow::Result<()> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let format = options.format.resolved(&options.file, input.fill_buf()?);
    let path = if options.file == Path::new("-") { Path::new("/dev/stdin") } else { &options.file };
    let source = Source { service: options.service.clone(), path: path.display().to_string() };
    let mut collected = Batches::new(options.batch_size.into());
    let send = |batch| batches.blocking_send(batch).context("nobody sends any more");
    let read = read_all(&mut input, format, &source, &mut |line| collected.add(&line).map_or(Ok(()), send));
    collected.rest().map_or(Ok(()), send)?;
    read
}

/// Delivers a batch, in parts if it is too large; `false`: the process was asked to stop.
async fn deliver(
    courier: &mut Courier,
    origin: &Origin,
    batch: Batch,
    tally: &mut Tally,
) -> anyhow::Result<bool> {
    let mut waiting = vec![batch];
    while let Some(batch) = waiting.pop() {
        let parcel = Parcel::pack(batch.key(origin), batch.ndjson.clone(), batch.records)?;
        let (stored, errors, reason) = match courier.deliver(&parcel).await {
            Delivery::Stopped => return Ok(false),
            Delivery::Stored(stored) => ((stored.accepted, stored.rejected), stored.errors, String::new()),
            Delivery::Rejected { errors, reason } => ((0, batch.records), errors, reason),
            Delivery::TooLarge(reason) => match batch.halves() {
                Some([one, other]) => {
                    waiting.extend([other, one]);
                    continue;
                }
                None => ((0, 1), Vec::new(), reason),
            },
            // The key says what the batch holds: another body under it comes from somebody else.
            Delivery::KeyReused(reason) => ((0, batch.records), Vec::new(), reason),
        };
        tally.accepted += stored.0;
        tally.rejected += stored.1;
        let all = errors.iter().map(|error| (batch.first + error.index, &error.detail));
        let first = (stored.1 > 0 && errors.is_empty()).then_some((batch.first, &reason));
        for (index, detail) in all.chain(first).take(ERRORS_SHOWN.saturating_sub(tally.errors.len())) {
            tally.errors.push(format!("log {}: {detail}", index + 1));
        }
    }
    Ok(true)
}
