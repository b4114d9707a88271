//! Reads all logs, page by page, as long as the service names a next page.

use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use rand::rngs::StdRng;
use reqwest::header::{HeaderMap, LINK};
use reqwest::{Response, Url};
use serde::Deserialize;
use serde_json::Value;

use super::tally::StoredRecord;
use crate::backoff::Backoff;
use crate::clock::system_now;
use crate::ingest::{http_client, is_temporary, retry_after};
use crate::keys::ApiKey;
use crate::seeds;

/// Logs per page, the most that the service gives.
const PAGE_RECORDS: &str = "1000";
/// How often a page is asked for before the check is given up.
const TRIES: u32 = 6;

/// A page of logs, and the query of the next one.
pub(super) struct Page {
    /// The logs.
    pub(super) records: Vec<StoredRecord>,
    /// The query string that gives the next page; `None` at the end.
    pub(super) next: Option<String>,
}

/// Reads pages from query-svc.
pub(super) struct Pages {
    client: reqwest::Client,
    logs_url: Url,
    backoff_rng: StdRng,
}

impl Pages {
    /// Prepares the reading from the service at `url`.
    pub(super) fn new(url: &str, key: &ApiKey) -> anyhow::Result<Self> {
        let logs_url = format!("{}/logs", url.trim_end_matches('/'));
        let logs_url = Url::parse(&logs_url).with_context(|| format!("{url:?} is not a URL"))?;
        Ok(Self { client: http_client(key)?, logs_url, backoff_rng: seeds::stream(0, "backoff", "verify") })
    }

    /// Returns the query string of the first page.
    pub(super) fn first_query() -> String {
        format!("limit={PAGE_RECORDS}")
    }

    /// Reads the page of that query; temporary failures are tried again.
    pub(super) async fn read(&mut self, query: &str) -> anyhow::Result<Page> {
        let mut backoff = Backoff::default();
        let mut tries = 0;
        loop {
            tries += 1;
            let (after, reason) = match self.try_read(query).await {
                Ok(page) => return Ok(page),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Temporary { after, reason }) => (after, reason),
            };
            if tries == TRIES {
                return Err(reason.context(format!("cannot read {}, tried {TRIES} times", self.logs_url)));
            }
            tokio::time::sleep(backoff.next_wait(after, &mut self.backoff_rng)).await;
        }
    }

    async fn try_read(&self, query: &str) -> Result<Page, Failure> {
        let mut url = self.logs_url.clone();
        url.set_query(Some(query));
        let response = self.client.get(url).send().await.map_err(Failure::of_transport)?;
        if is_temporary(response.status()) {
            let after = retry_after(response.headers(), system_now());
            return Err(Failure::Temporary {
                after,
                reason: anyhow!("the answer was {}", response.status()),
            });
        }
        let next = self.next_query(response.headers()).map_err(Failure::Final)?;
        let bytes =
            successful(response).map_err(Failure::Final)?.bytes().await.map_err(Failure::of_transport)?;
        let listed: Vec<Listed> = serde_json::from_slice(&bytes)
            .context("the answer is not an array of logs")
            .map_err(Failure::Final)?;
        Ok(Page { records: listed.into_iter().map(Listed::into_record).collect(), next })
    }

    /// The next page's query. The page is asked for at our own address, whatever host the link names.
    fn next_query(&self, headers: &HeaderMap) -> anyhow::Result<Option<String>> {
        if let Some(cursor) = headers.get("x-next-cursor") {
            let cursor = cursor.to_str().context("the header X-Next-Cursor is not text")?;
            let mut url = self.logs_url.clone();
            url.query_pairs_mut().append_pair("limit", PAGE_RECORDS).append_pair("cursor", cursor);
            return Ok(url.query().map(str::to_owned));
        }
        for link in headers.get_all(LINK) {
            if let Some(target) = next_of_link(link.to_str().context("the header Link is not text")?) {
                let url = self.logs_url.join(target).context("the link to the next page is not a URL")?;
                ensure!(url.query().is_some(), "the link to the next page has no query");
                return Ok(url.query().map(str::to_owned));
            }
        }
        Ok(None)
    }
}

/// Why a page could not be read.
enum Failure {
    /// It may work later.
    Temporary {
        /// How long the service asked to wait.
        after: Option<Duration>,
        /// What happened.
        reason: anyhow::Error,
    },
    /// It will not work.
    Final(anyhow::Error),
}

impl Failure {
    fn of_transport(error: reqwest::Error) -> Self {
        if error.is_builder() {
            return Self::Final(error.into());
        }
        Self::Temporary { after: None, reason: error.into() }
    }
}

fn successful(response: Response) -> anyhow::Result<Response> {
    let status = response.status();
    ensure!(status.is_success(), "{} answered {status}", response.url().path());
    Ok(response)
}

/// The target of `rel="next"` in a `Link` header, which may hold several links.
fn next_of_link(header: &str) -> Option<&str> {
    for link in header.split('<').skip(1) {
        let (target, parameters) = link.split_once('>')?;
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let parameter = parameter.trim();
            parameter == "rel=\"next\"" || parameter == "rel=next"
        });
        if is_next {
            return Some(target);
        }
    }
    None
}

/// A log as the service lists it; everything else in it is skipped.
#[derive(Debug, Deserialize)]
struct Listed {
    id: u64,
    #[serde(default)]
    attributes: Value,
}

impl Listed {
    fn into_record(self) -> StoredRecord {
        let simulator = self.attributes["simulator"].as_str();
        let origin = simulator.map(str::to_owned).zip(self.attributes["sequence"].as_u64());
        StoredRecord { id: self.id, origin }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn pages() -> Pages {
        Pages::new("http://127.0.0.1:8000/", &ApiKey::new("k")).unwrap()
    }

    #[test]
    fn the_next_link_is_found_among_several() {
        let header = r#"</logs?cursor=p>; rel="prev", </logs?limit=1000&cursor=a%2Cb>; rel="next""#;

        assert_eq!(next_of_link(header), Some("/logs?limit=1000&cursor=a%2Cb"));
        assert_eq!(next_of_link(r#"</logs?cursor=p>; rel="prev""#), None);
    }

    #[test]
    fn the_next_page_is_named_by_the_cursor_or_by_the_link() {
        let by_cursor =
            HeaderMap::from_iter([("x-next-cursor".parse().unwrap(), HeaderValue::from_static("a b"))]);
        let link = HeaderValue::from_static("<http://elsewhere/logs?limit=9&cursor=c>; rel=\"next\"");
        let by_link = HeaderMap::from_iter([(LINK, link)]);

        assert_eq!(pages().next_query(&by_cursor).unwrap().as_deref(), Some("limit=1000&cursor=a+b"));
        assert_eq!(pages().next_query(&by_link).unwrap().as_deref(), Some("limit=9&cursor=c"));
        assert_eq!(pages().next_query(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn attributes_of_any_shape_are_read() {
        let text = r#"[{"id":1,"attributes":{"simulator":"s","sequence":4}},{"id":2},{"id":3,"attributes":[1]},
                       {"id":4,"attributes":{"simulator":"s","sequence":"4"}}]"#;

        let listed: Vec<Listed> = serde_json::from_str(text).unwrap();

        let origins: Vec<_> = listed.into_iter().map(|listed| listed.into_record().origin).collect();
        assert_eq!(origins, [Some(("s".to_owned(), 4)), None, None, None]);
    }
}
