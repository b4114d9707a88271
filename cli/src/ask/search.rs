//! `sentinel search`

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::value::RawValue;

use super::filters::FilterOptions;
use super::server::ServerOptions;
use super::show::{Closed, Printer, ShowOptions};

/// Most logs of one page.
const PAGE_MAX: u64 = 1000;

/// Which logs to show, and how
#[derive(Debug, Args)]
pub(crate) struct SearchOptions {
    #[command(flatten)]
    filters: FilterOptions,
    /// Most logs to show
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// `desc`: newest first; `asc`: oldest first
    #[arg(long, value_enum, value_name = "ORDER", default_value_t = Order::Desc)]
    order: Order,
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    show: ShowOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    Desc,
    Asc,
}

/// Searches, page by page, and prints what it finds.
///
/// # Errors
/// When query-svc does not answer, or says what is wrong.
pub(crate) async fn run(options: SearchOptions) -> anyhow::Result<()> {
    let server = options.server.server()?;
    let mut printer = options.show.printer();
    let order = if options.order == Order::Asc { "asc" } else { "desc" };
    let mut cursor: Option<String> = None;
    let mut left = options.limit;
    while left > 0 {
        let mut parameters = options.filters.parameters();
        parameters.push(("limit".to_owned(), left.min(PAGE_MAX).to_string()));
        match cursor.take() {
            Some(cursor) => parameters.push(("cursor".to_owned(), cursor)),
            None => parameters.push(("order".to_owned(), order.to_owned())),
        }
        let answer = server.ask(server.get("/logs", &parameters)).await?;
        let next = answer.headers().get("X-Next-Cursor").map(|value| value.to_str().map(str::to_owned));
        let body = answer.bytes().await.context("the answer breaks off")?;
        let logs: Vec<&RawValue> = serde_json::from_slice(&body).context("no logs in the answer")?;
        left = left.saturating_sub(logs.len() as u64);
        if print(&mut printer, &logs)? == Err(Closed) {
            return Ok(());
        }
        match next {
            Some(next) => cursor = Some(next?),
            None => break,
        }
    }
    Ok(())
}

fn print(printer: &mut Printer, logs: &[&RawValue]) -> anyhow::Result<Result<(), Closed>> {
    for log in logs {
        if printer.log(log)? == Err(Closed) {
            return Ok(Err(Closed));
        }
    }
    Ok(Ok(()))
}
