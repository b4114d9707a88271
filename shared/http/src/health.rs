//! What a service says of itself: alive, ready, healthy.
//!
//! Alive (`/livez`) is who answers at all. Ready (`/readyz`) is who can do its work now and is not about to
//! stop. Healthy (`/health`, `/status`) is ready, in more words, for people.

use poem_openapi::{ApiResponse, Object};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{JsonText, Problem};

/// Whether a service takes work: from its start until its shutdown begins. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    is_over: CancellationToken,
}

impl Readiness {
    /// Says that the service is about to stop: whoever balances load sends it nothing more.
    pub fn switch_off(&self) {
        self.is_over.cancel();
    }

    /// Says whether the service takes work.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.is_over.is_cancelled()
    }

    /// Waits until the service takes no more work: answers without an end of their own end then.
    pub async fn switched_off(&self) {
        self.is_over.cancelled().await;
    }
}

/// How a service is.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(read_only_all)]
pub struct HealthReport {
    /// `ok`, or `unavailable` when anything is not.
    pub status: &'static str,
    /// Which service it is.
    pub service: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What was looked at.
    pub checks: Vec<HealthCheck>,
}

/// One thing that a service needs.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(read_only_all)]
pub struct HealthCheck {
    /// What was looked at.
    pub name: &'static str,
    /// `ok`, or the code of what is wrong.
    pub status: &'static str,
}

/// The answer that a [`HealthReport`] becomes.
#[derive(Debug, ApiResponse)]
pub enum Health {
    /// The service does its work.
    #[oai(status = 200)]
    Ok(JsonText<HealthReport>),
    /// It cannot, or is about to stop.
    #[oai(status = 503)]
    Unavailable(JsonText<HealthReport>),
}

/// The word for what is as it should be.
const OK: &str = "ok";

impl HealthReport {
    /// Begins the report of a service.
    #[must_use]
    pub fn new(service: &'static str, version: &'static str) -> Self {
        Self { status: OK, service, version, checks: Vec::new() }
    }

    /// Adds whether the service takes work.
    #[must_use]
    pub fn with_readiness(self, readiness: &Readiness) -> Self {
        self.with("taking_work", if readiness.is_on() { OK } else { "shutting_down" })
    }

    /// Adds the outcome of a check, such as the store's; says no more of an error than its code.
    #[must_use]
    pub fn with_check(self, name: &'static str, outcome: Result<(), impl Into<Problem>>) -> Self {
        self.with(name, outcome.map_or_else(|error| error.into().code(), |()| OK))
    }

    fn with(mut self, name: &'static str, status: &'static str) -> Self {
        if status != OK {
            self.status = "unavailable";
        }
        self.checks.push(HealthCheck { name, status });
        self
    }

    /// Makes it an answer: 200, or 503 when anything is not as it should be.
    ///
    /// # Errors
    /// None in practice: the report always becomes JSON.
    pub fn into_answer(self) -> Result<Health, Problem> {
        let text = JsonText::from_serialize(&self)?;
        Ok(if self.status == OK { Health::Ok(text) } else { Health::Unavailable(text) })
    }
}

#[cfg(test)]
mod tests {
    use poem::IntoResponse;
    use store::StoreError;

    use super::*;

    async fn answered(report: HealthReport) -> (u16, String) {
        let response = report.into_answer().unwrap().into_response();
        (response.status().as_u16(), response.into_body().into_string().await.unwrap())
    }

    #[tokio::test]
    async fn a_service_that_is_well_says_ok() {
        let report = HealthReport::new("ingest-svc", "0.1.0").with_readiness(&Readiness::default());
        let (status, body) = answered(report.with_check("store", Ok::<_, StoreError>(()))).await;
        assert_eq!(status, 200);
        assert!(body.starts_with(r#"{"status":"ok","service":"ingest-svc","#), "{body}");
    }

    #[tokio::test]
    async fn anything_that_is_wrong_makes_it_unavailable_without_details() {
        let failed = Err(StoreError::Fatal("/data/logs.db: input/output error".into()));
        let (status, body) = answered(HealthReport::new("x", "1").with_check("store", failed)).await;
        assert_eq!(status, 503);
        assert!(
            body.contains(r#"{"name":"store","status":"store_failed"}"#) && !body.contains("/data"),
            "{body}"
        );
    }

    #[tokio::test]
    async fn a_service_that_stops_is_not_ready() {
        let readiness = Readiness::default();
        readiness.clone().switch_off();
        readiness.switched_off().await;
        let (status, body) = answered(HealthReport::new("x", "1").with_readiness(&readiness)).await;
        assert_eq!(status, 503);
        assert!(body.contains("shutting_down"), "{body}");
    }
}
