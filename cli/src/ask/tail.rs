//! `sentinel tail`: logs as they come, for as long as somebody looks. A connection that breaks is made again, and goes
//! on behind the last log that was shown.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use reqwest::StatusCode;
use serde_json::value::RawValue;
use tokio::time::sleep;

use super::filters::FilterOptions;
use super::server::{Server, ServerOptions};
use super::show::{Closed, Printer, ShowOptions};

/// How long it waits before it connects again, at first and at most.
const WAIT_MIN: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(15);

/// A stream that is silent for so long, without even a heartbeat, is dead.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Which logs to show as they come, and how
#[derive(Debug, Args)]
pub(crate) struct TailOptions {
    #[command(flatten)]
    filters: FilterOptions,
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    show: ShowOptions,
}

/// An event of a stream (WHATWG HTML, "server-sent events"), as far as it is read.
#[derive(Debug, Default)]
struct Event {
    id: String,
    name: String,
    data: String,
}

/// Why a stream ended.
enum End {
    /// Nobody reads the output any more.
    Closed,
    /// The connection broke; whether anything came over it.
    Broken { has_come: bool },
}

/// Prints logs as they come, until it is interrupted.
///
/// # Errors
/// When query-svc cannot be reached at first, or says what is wrong.
pub(crate) async fn run(options: TailOptions) -> anyhow::Result<()> {
    let server = options.server.server()?;
    let mut printer = options.show.printer();
    let mut last_id: Option<String> = None;
    let mut wait = WAIT_MIN;
    let (mut stream, mut parameters) = (None, options.filters.parameters());
    loop {
        let opened = match stream.take() {
            Some(opened) => opened,
            None => open(&server, &parameters, last_id.as_deref()).await?,
        };
        match follow(opened, &mut printer, &mut last_id).await? {
            End::Closed => return Ok(()),
            End::Broken { has_come } => wait = if has_come { WAIT_MIN } else { (wait * 2).min(WAIT_MAX) },
        }
        if last_id.is_some() {
            // What came before the last log is history now.
            parameters.retain(|(name, _)| name != "time_range");
        }
        loop {
            sleep(wait).await;
            match open(&server, &parameters, last_id.as_deref()).await {
                Ok(opened) => break stream = Some(opened),
                Err(error) if is_refusal(&error) => return Err(error),
                Err(_) => wait = (wait * 2).min(WAIT_MAX),
            }
        }
    }
}

/// Says whether trying again will not help: the service has answered, and does not want this.
fn is_refusal(error: &anyhow::Error) -> bool {
    let status =
        error.to_string().split(' ').next().and_then(|code| StatusCode::from_bytes(code.as_bytes()).ok());
    status.is_some_and(|status| status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS)
}

async fn open(
    server: &Server,
    parameters: &[(String, String)],
    last_id: Option<&str>,
) -> anyhow::Result<reqwest::Response> {
    let mut question = server.get("/logs/tail", parameters);
    if let Some(last_id) = last_id {
        question = question.header("Last-Event-ID", last_id);
    }
    server.ask(question).await
}

async fn follow(
    mut stream: reqwest::Response,
    printer: &mut Printer,
    last_id: &mut Option<String>,
) -> anyhow::Result<End> {
    let (mut line, mut event, mut has_come) = (Vec::new(), Event::default(), false);
    while let Ok(Ok(Some(part))) = tokio::time::timeout(SILENCE_MAX, stream.chunk()).await {
        has_come = true;
        for byte in part {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            let text = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            if !text.trim_end_matches('\r').is_empty() {
                event.take(text.trim_end_matches('\r'));
                continue;
            }
            let done = std::mem::take(&mut event);
            if show(&done, printer)? == Err(Closed) {
                return Ok(End::Closed);
            }
            if !done.id.is_empty() {
                *last_id = Some(done.id);
            }
        }
    }
    Ok(End::Broken { has_come })
}

impl Event {
    /// Takes a line of the stream; comments and unknown fields mean nothing.
    fn take(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut self.id),
            "event" => value.clone_into(&mut self.name),
            "data" => self.data.push_str(value),
            _ => {}
        }
    }
}

fn show(event: &Event, printer: &mut Printer) -> anyhow::Result<Result<(), Closed>> {
    match event.name.as_str() {
        "log" => {
            let log: &RawValue = serde_json::from_str(&event.data).context("an event without a log")?;
            printer.log(log)
        }
        "gap" => {
            tracing::warn!(data = event.data, "too slow: logs were left out");
            Ok(Ok(()))
        }
        _ => Ok(Ok(())),
    }
}
