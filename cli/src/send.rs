//! `sentinel send`: one log by hand.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::ask::name_and_value;
use crate::deliver::{Answer, EndpointOptions, Parcel, random_key};

/// What to send, and where to
#[derive(Debug, Args)]
pub(crate) struct SendOptions {
    /// What happened
    #[arg(value_name = "TEXT", required = true)]
    message: Vec<String>,
    /// Which service it comes from [default: the service that the key is bound to]
    #[arg(long, env = "SENTINEL_SERVICE", value_name = "NAME")]
    service: Option<String>,
    /// How bad it is, in any spelling [default: INFO]
    #[arg(long, alias = "severity", value_name = "LEVEL")]
    level: Option<String>,
    /// An attribute; may be repeated. A number, true and false are kept as such, everything else is a text
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    attr: Vec<(String, String)>,
    #[command(flatten)]
    endpoint: EndpointOptions,
}

#[derive(Serialize)]
struct NewLog {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    attributes: Map<String, Value>,
}

/// Sends it, and prints the id that it has now.
///
/// # Errors
/// When it is not stored; the error is what the service says.
pub(crate) async fn run(options: SendOptions) -> anyhow::Result<ExitCode> {
    let mut endpoint = options.endpoint.endpoint()?;
    let log = NewLog {
        message: options.message.join(" "),
        service: options.service,
        level: options.level,
        attributes: options.attr.into_iter().map(|(name, value)| (name, typed(value))).collect(),
    };
    let key = random_key("send", &mut StdRng::from_os_rng());
    let parcel = Parcel::pack(key, serde_json::to_vec(&log)?, 1)?;
    match endpoint.post(&parcel).await {
        Answer::Stored(stored) => match stored.first_id {
            Some(id) => crate::say(&id.to_string()),
            None => bail!("the answer names no id"),
        },
        Answer::Rejected { reason, .. }
        | Answer::TooLarge(reason)
        | Answer::KeyReused(reason)
        | Answer::NotLetIn(reason)
        | Answer::Later { reason, .. } => bail!(reason),
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns a number, true or false as what it is, and everything else as a text.
fn typed(text: String) -> Value {
    match serde_json::from_str(&text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_truth_are_kept_as_such() {
        let values: Vec<Value> =
            ["5", "-2.5", "true", "007", "null", "[1]", "a"].map(|text| typed(text.to_owned())).to_vec();
        assert_eq!(
            values,
            [json!(5), json!(-2.5), json!(true), json!("007"), json!("null"), json!("[1]"), json!("a")]
        );
    }
}
