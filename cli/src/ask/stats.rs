//! `sentinel stats`

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use super::filters::FilterOptions;
use super::server::ServerOptions;
use super::show::ShowOptions;

/// Which logs to count
#[derive(Debug, Args)]
pub(crate) struct StatsOptions {
    #[command(flatten)]
    filters: FilterOptions,
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    show: ShowOptions,
}

/// Counts logs per service and level: all that are stored, or those that the filters select (of the last 24 hours, if
/// they name no time).
///
/// # Errors
/// When query-svc does not answer, or says what is wrong.
pub(crate) async fn run(options: StatsOptions) -> anyhow::Result<()> {
    let server = options.server.server()?;
    let parameters = options.filters.parameters();
    let path = if options.filters.is_everything() { "/stats" } else { "/api/v1/metrics/overview" };
    let answer = server.ask(server.get(path, &parameters)).await?;
    let body = answer.text().await.context("the answer breaks off")?;
    let mut printer = options.show.printer();
    if !printer.is_for_people {
        let _ = printer.line(&body)?;
        return Ok(());
    }
    let counts: Value = serde_json::from_str(&body).context("no counts in the answer")?;
    for line in lines(&counts) {
        if printer.line(&line)?.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Returns the counts as lines, the most frequent first.
fn lines(counts: &Value) -> Vec<String> {
    let mut lines = vec![format!("{:>12}  logs", counts["total"].as_u64().unwrap_or_default())];
    for (title, names) in
        [("by level", ["by_level", "logs_per_severity"]), ("by service", ["by_service", "logs_per_service"])]
    {
        let of = names.iter().find_map(|name| counts[*name].as_object());
        let mut rows: Vec<(&str, u64)> = of
            .into_iter()
            .flatten()
            .map(|(name, count)| (name.as_str(), count.as_u64().unwrap_or_default()))
            .collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        lines.push(String::new());
        lines.push(title.to_owned());
        lines.extend(rows.iter().map(|(name, count)| format!("{count:>12}  {name}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_either_route_are_lines_with_the_most_frequent_first() {
        let overview =
            serde_json::json!({"total": 3, "by_level": {"INFO": 1, "ERROR": 2}, "by_service": {"a": 3}});
        let stats = serde_json::json!({
            "total": 3, "logs_per_severity": {"INFO": 1, "ERROR": 2}, "logs_per_service": {"a": 3}
        });
        let expected = [
            "           3  logs",
            "",
            "by level",
            "           2  ERROR",
            "           1  INFO",
            "",
            "by service",
            "           3  a",
        ];
        assert_eq!(lines(&overview), expected);
        assert_eq!(lines(&stats), expected);
    }
}
