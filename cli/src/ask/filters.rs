//! Which logs are meant.

use clap::Args;

/// Which logs are meant
#[derive(Debug, Args)]
pub(crate) struct FilterOptions {
    /// What to look for, in the language of the search box: timeout, "connection reset", level:>=warn, service:(a OR b)
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// Only logs of this service; may be repeated
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Only logs of this severity, in any spelling; may be repeated
    #[arg(long, alias = "severity", value_name = "LEVEL")]
    level: Vec<String>,
    /// Only logs of this severity or a worse one
    #[arg(long, value_name = "LEVEL")]
    min_severity: Option<String>,
    /// Only logs that happened at this time or later: 2025-04-01T12:00:00Z, now-1h
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only logs that happened before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only logs of the time before now, instead of --from and --to: 15m, 1h, 7d
    #[arg(long, value_name = "LENGTH", conflicts_with_all = ["from", "to"])]
    time_range: Option<String>,
    /// Only logs with this value of an attribute; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    attr: Vec<(String, String)>,
}

/// Reads `NAME=VALUE`.
///
/// # Errors
/// When it is something else.
pub(crate) fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    if name.is_empty() {
        Err("expected NAME=VALUE".to_owned())
    } else {
        Ok((name.to_owned(), value.to_owned()))
    }
}

impl FilterOptions {
    /// Says whether all logs are meant.
    pub(crate) fn is_everything(&self) -> bool {
        self.parameters().is_empty()
    }

    /// Returns the parameters of a URL that select these logs.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = Vec::new();
        let mut add = |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
        if !self.query.is_empty() {
            add("q", &self.query.join(" "));
        }
        // A comma inside a value would be read as a list.
        let escaped = |value: &str| value.replace(',', "\\,");
        self.service.iter().for_each(|name| add("service", &escaped(name)));
        self.level.iter().for_each(|level| add("level", level));
        for (name, value) in [
            ("min_severity", &self.min_severity),
            ("from", &self.from),
            ("to", &self.to),
            ("time_range", &self.time_range),
        ] {
            value.iter().for_each(|value| add(name, value));
        }
        self.attr.iter().for_each(|(name, value)| add(&format!("attr.{name}"), &escaped(value)));
        parameters
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        filters: FilterOptions,
    }

    fn parameters(line: &[&str]) -> Vec<String> {
        let line = Line::try_parse_from([&["sentinel"], line].concat()).unwrap();
        line.filters.parameters().into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn every_option_is_a_parameter_and_words_are_one_query() {
        let line = ["time out", "level:error", "--service", "a,b", "--service", "c", "--severity", "warn"];
        assert_eq!(parameters(&line), ["q=time out level:error", r"service=a\,b", "service=c", "level=warn"]);
        let line = ["--attr", "http.status=500", "--time-range", "1h", "--min-severity", "info"];
        assert_eq!(parameters(&line), ["min_severity=info", "time_range=1h", "attr.http.status=500"]);
        assert!(parameters(&[]).is_empty());
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        for line in [&["--from", "now", "--time-range", "1h"][..], &["--attr", "x"], &["--attr", "=x"]] {
            assert!(Line::try_parse_from([&["sentinel"], line].concat()).is_err(), "{line:?}");
        }
    }
}
