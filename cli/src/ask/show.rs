//! How a log is written: a line in colour for a person, its JSON for a pipe.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::value::RawValue;

/// How answers are written
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ShowOptions {
    /// How logs are written: `text` for people, `json` one a line; `auto` is text on a terminal, JSON elsewhere
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Auto)]
    output: Format,
    /// Whether text is coloured; `auto` colours it on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Auto,
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// Writes to stdout.
pub(crate) struct Printer {
    out: AutoStream<io::Stdout>,
    /// Whether somebody reads it, and no program.
    pub(crate) is_for_people: bool,
}

/// Whoever read the output wants no more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

/// A log, as far as a line shows it.
#[derive(Debug, Deserialize)]
struct Log {
    timestamp: String,
    level: String,
    service: String,
    message: String,
    host: Option<String>,
    trace_id: Option<String>,
    span_id: Option<String>,
    attributes: serde_json::Map<String, serde_json::Value>,
}

impl ShowOptions {
    /// Opens stdout.
    pub(crate) fn printer(self) -> Printer {
        let choice = match self.color {
            Color::Auto => AutoStream::choice(&io::stdout()),
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let is_for_people = match self.output {
            Format::Auto => io::stdout().is_terminal(),
            Format::Text => true,
            Format::Json => false,
        };
        Printer { out: AutoStream::new(io::stdout(), choice), is_for_people }
    }
}

impl Printer {
    /// Writes a log, which is a record in JSON.
    ///
    /// # Errors
    /// When it cannot be written; when nobody reads any more, that is `Ok(Err(Closed))`.
    pub(crate) fn log(&mut self, json: &RawValue) -> anyhow::Result<Result<(), Closed>> {
        if !self.is_for_people {
            return self.line(json.get());
        }
        let log: Log = serde_json::from_str(json.get())?;
        self.line(&log.line())
    }

    /// Writes a line.
    ///
    /// # Errors
    /// As for [`Self::log`].
    pub(crate) fn line(&mut self, line: &str) -> anyhow::Result<Result<(), Closed>> {
        match writeln!(self.out, "{line}").and_then(|()| self.out.flush()) {
            Ok(()) => Ok(Ok(())),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Err(Closed)),
            Err(error) => Err(error.into()),
        }
    }
}

impl Log {
    fn line(&self) -> String {
        let (dim, style) = (Style::new().dimmed(), style_of(&self.level));
        let service = AnsiColor::Cyan.on_default();
        let mut line = format!(
            "{dim}{}{dim:#} {style}{:<5}{style:#} {service}{}{service:#} {}",
            harmless(&self.timestamp),
            harmless(&self.level),
            harmless(&self.service),
            harmless(&self.message),
        );
        let named = [("host", &self.host), ("trace_id", &self.trace_id), ("span_id", &self.span_id)];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        let attributes = self.attributes.iter().map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.as_str(), text)
        });
        for (name, value) in named.chain(attributes) {
            let _ = write!(line, " {dim}{}={dim:#}{}", harmless(name), harmless(&value));
        }
        line
    }
}

fn style_of(level: &str) -> Style {
    match level {
        "FATAL" => AnsiColor::BrightRed.on_default().bold(),
        "ERROR" => AnsiColor::Red.on_default(),
        "WARN" => AnsiColor::Yellow.on_default(),
        "INFO" => AnsiColor::Green.on_default(),
        _ => Style::new().dimmed(),
    }
}

/// Returns a text that does nothing to a terminal: a log must not move its cursor. Further lines are indented.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' => out.push_str("\n    "),
            '\t' => out.push('\t'),
            char if char.is_control() => out.extend(char.escape_unicode()),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_all_of_a_log_and_nothing_that_moves_a_cursor() {
        let log: Log = serde_json::from_value(serde_json::json!({
            "id": 1, "timestamp": "2025-04-01T12:00:00Z", "level": "WARN", "service": "auth", "host": "web-1",
            "trace_id": null, "span_id": null, "message": "a\u{1b}[2Jb\nc", "attributes": {"n": 5, "t": "x y"},
        }))
        .unwrap();
        let plain = anstream::adapter::strip_str(&log.line()).to_string();
        assert_eq!(plain, "2025-04-01T12:00:00Z WARN  auth a\\u{1b}[2Jb\n    c host=web-1 n=5 t=x y");
    }
}
