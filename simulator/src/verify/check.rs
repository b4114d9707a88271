//! The check: the ledgers first, then every page, then the report.

use std::path::PathBuf;

use anyhow::bail;

use super::pages::Pages;
use super::report::Report;
use super::tally::Tally;
use crate::keys::ApiKey;
use crate::ledger::read_ledgers;

/// What a check is told.
#[derive(Debug, Clone)]
pub struct VerifyConfig {
    /// Ledgers, or directories of them.
    pub ledgers: Vec<PathBuf>,
    /// Where query-svc is.
    pub url: String,
    /// A key that may read the logs.
    pub key: ApiKey,
}

/// Compares the ledgers with what is stored. Fails when a ledger or a page cannot be read.
pub async fn verify(config: VerifyConfig) -> anyhow::Result<Report> {
    let entries = read_ledgers(&config.ledgers)?;
    let mut tally = Tally::new(&entries);
    let mut pages = Pages::new(&config.url, &config.key)?;
    let mut next = Some(Pages::first_query());
    while let Some(query) = next {
        let page = pages.read(&query).await?;
        if page.next.as_ref() == Some(&query) {
            bail!("the page {query:?} names itself as the next one");
        }
        for record in page.records {
            tally.observe(record);
        }
        next = page.next;
    }
    Ok(tally.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_server::{Answer, TestServer};

    const LEDGER: &str = concat!(
        r#"{"key":"k","service":"auth-service","first_id":1,"last_id":3,"accepted":3,"#,
        r#""run":"r","first_sequence":1,"last_sequence":3}"#,
        "\n"
    );

    fn config(url: &str, directory: &tempfile::TempDir) -> VerifyConfig {
        let path = directory.path().join("ledger.jsonl");
        std::fs::write(&path, LEDGER).unwrap();
        VerifyConfig { ledgers: vec![path], url: url.to_owned(), key: ApiKey::new("secret") }
    }

    #[tokio::test]
    async fn all_pages_are_read_and_compared_with_the_ledger() {
        let server = TestServer::start(|number, _| match number {
            0 => Answer(503, "retry-after: 0\r\n", String::new()),
            1 => Answer(200, "x-next-cursor: c1\r\n", r#"[{"id":3},{"id":3}]"#.to_owned()),
            _ => Answer(200, "", r#"[{"id":1,"attributes":{}}]"#.to_owned()),
        })
        .await;
        let directory = tempfile::tempdir().unwrap();

        let report = verify(config(&server.url, &directory)).await.unwrap();

        assert_eq!((report.acked, report.found, report.missing, report.duplicated), (3, 2, 1, 1));
        let lines: Vec<_> = server.seen().into_iter().map(|request| request.request_line).collect();
        assert_eq!(lines[1..], ["GET /logs?limit=1000", "GET /logs?limit=1000&cursor=c1"]);
    }

    #[tokio::test]
    async fn a_key_that_may_not_read_is_a_failure_not_a_result() {
        let server = TestServer::start(|_, _| Answer(401, "", String::new())).await;
        let directory = tempfile::tempdir().unwrap();

        let error = verify(config(&server.url, &directory)).await.unwrap_err();

        assert!(error.to_string().contains("401"), "{error}");
    }
}
