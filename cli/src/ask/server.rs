//! Where query-svc is, and how it is asked.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;

/// Longest time until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where query-svc is, and who asks
#[derive(Debug, Args)]
pub(crate) struct ServerOptions {
    /// Where query-svc is
    #[arg(long, env = "SENTINEL_QUERY_URL", value_name = "URL", default_value = "http://127.0.0.1:8000")]
    url: String,
    /// An API key that may read
    #[arg(long, env = "SENTINEL_KEY", value_name = "KEY", hide_env_values = true)]
    key: String,
}

/// A query-svc that can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    client: Client,
    url: String,
    key: String,
}

/// What is wrong, as the service says it (RFC 9457).
#[derive(Debug, Deserialize)]
struct ProblemBody {
    title: String,
    #[serde(default)]
    detail: String,
}

impl ServerOptions {
    /// Makes a client; nothing is asked yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn server(&self) -> anyhow::Result<Server> {
        let client = Client::builder().connect_timeout(CONNECT_TIMEOUT).build()?;
        Ok(Server { client, url: self.url.trim_end_matches('/').to_owned(), key: self.key.clone() })
    }
}

impl Server {
    /// Prepares a question.
    pub(crate) fn get(&self, path: &str, parameters: &[(String, String)]) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url)).query(parameters).bearer_auth(&self.key)
    }

    /// Asks, and returns the answer if it is a good one.
    ///
    /// # Errors
    /// When the service cannot be reached, or says what is wrong.
    pub(crate) async fn ask(&self, question: RequestBuilder) -> anyhow::Result<Response> {
        let answer = question.send().await.with_context(|| format!("{} does not answer", self.url))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = answer.bytes().await.unwrap_or_default();
        match serde_json::from_slice::<ProblemBody>(&body) {
            Ok(problem) if problem.detail.is_empty() => bail!("{status}: {}", problem.title),
            Ok(problem) => bail!("{status}: {}", problem.detail),
            Err(_) => bail!("{status}: {}", String::from_utf8_lossy(&body)),
        }
    }
}
