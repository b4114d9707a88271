//! The operations that every service has: what it is, and how it is. None asks for a key.

use std::sync::Arc;

use poem::http::header::ACCEPT;
use poem::{Request, Result};
use poem_openapi::payload::{Html, Json, PlainText};
use poem_openapi::{ApiResponse, Object, OpenApi, ResponseContent, Tags};
use runtime::metrics::exposition;
use store::LogStore;

use crate::{Health, HealthReport, Readiness};

/// The operations that ask for no key, by id; every other one has to declare a scope.
pub const OPEN_OPERATIONS: &[&str] = &[
    "welcome",
    "health",
    "status",
    "readyz",
    "livez",
    "metrics",
    // Where people say who they are, and how the first one comes in.
    "logIn",
    "logOut",
    "issueToken",
    "setUp",
    "setUpPage",
    "setUpScript",
    "setUpStyle",
];

/// The operations that every service has.
#[derive(Clone)]
pub struct SystemApi {
    /// The service's name.
    pub service: &'static str,
    /// The service's version.
    pub version: &'static str,
    /// Whether it takes work.
    pub readiness: Readiness,
    /// What it needs to do its work.
    pub store: Arc<dyn LogStore>,
    /// What a browser gets at `/`: an HTML page. Other clients get a hint in JSON.
    pub page: &'static str,
}

#[derive(Tags)]
enum Group {
    /// What the service is, and how it is.
    System,
}

/// Where to go from here.
#[derive(Debug, Object)]
#[oai(read_only_all)]
pub struct Welcome {
    /// Which service this is.
    pub service: String,
    /// Its version.
    pub version: String,
    /// Where its operations are described and can be tried.
    pub docs: String,
    /// Where the same is for programs.
    pub openapi: String,
    /// Where it says how it is.
    pub health: String,
}

/// Says that the process answers.
#[derive(Debug, Object)]
#[oai(read_only_all)]
pub struct Alive {
    /// Always `ok`.
    pub status: String,
}

/// The answer at `/`.
#[derive(ApiResponse)]
enum WelcomeAnswer {
    /// Where to go from here.
    #[oai(status = 200)]
    Welcome(
        WelcomeContent,
        /// That the answer depends on `Accept`.
        #[oai(header = "Vary")]
        String,
    ),
}

#[derive(ResponseContent)]
enum WelcomeContent {
    Hint(Json<Welcome>),
    Page(Html<String>),
}

#[OpenApi(tag = "Group::System")]
impl SystemApi {
    /// Where to go from here
    ///
    /// A hint in JSON; a browser gets a page.
    #[oai(path = "/", method = "get", operation_id = "welcome")]
    async fn welcome(&self, request: &Request) -> WelcomeAnswer {
        let content = if is_browser(request) {
            WelcomeContent::Page(Html(self.page.to_owned()))
        } else {
            WelcomeContent::Hint(Json(self.hint()))
        };
        WelcomeAnswer::Welcome(content, "Accept".to_owned())
    }

    /// Is it healthy?
    #[oai(path = "/health", method = "get", operation_id = "health")]
    async fn health(&self) -> Result<Health> {
        self.report().await
    }

    /// Is it healthy?
    ///
    /// The same as `GET /health`.
    #[oai(path = "/status", method = "get", operation_id = "status")]
    async fn status(&self) -> Result<Health> {
        self.report().await
    }

    /// Is it ready for work?
    ///
    /// 503 while it cannot store or read, and as soon as it begins to shut down.
    #[oai(path = "/readyz", method = "get", operation_id = "readyz")]
    async fn readyz(&self) -> Result<Health> {
        self.report().await
    }

    /// Is it alive?
    ///
    /// Answers without looking at anything else.
    #[oai(path = "/livez", method = "get", operation_id = "livez")]
    async fn livez(&self) -> Json<Alive> {
        Json(Alive { status: "ok".to_owned() })
    }

    /// What was counted
    ///
    /// For Prometheus, in its text format: what came in by which door, and what was refused for which reason, since the process started.
    /// Nothing of it names a tenant.
    #[oai(path = "/metrics", method = "get", operation_id = "metrics")]
    async fn metrics(&self) -> PlainText<String> {
        PlainText(exposition())
    }
}

impl SystemApi {
    fn hint(&self) -> Welcome {
        Welcome {
            service: self.service.to_owned(),
            version: self.version.to_owned(),
            docs: "/docs".to_owned(),
            openapi: "/openapi.json".to_owned(),
            health: "/health".to_owned(),
        }
    }

    async fn report(&self) -> Result<Health> {
        let report = HealthReport::new(self.service, self.version).with_readiness(&self.readiness);
        Ok(report.with_check("store", self.store.check().await).into_answer()?)
    }
}

/// Says whether the request comes from somebody who reads pages.
fn is_browser(request: &Request) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.trim().starts_with("text/html"))
}
