//! A site: an API with everything that every service puts around one. Documentation, keys, limits, the guard.

use std::sync::Arc;

use domain::Clock;
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{EndpointExt, Response, Route};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};
use store::Stores;

use crate::docs::{DocsPage, document_endpoint};
use crate::farewell::Farewell;
use crate::lifecycle::Callers;
use crate::listener::ListenerLimits;
use crate::openapi::{UndeclaredScopes, check_scopes, finish_document};
use crate::{
    Authenticator, AuthenticatorOptions, BodyReader, HttpOptions, KeyQuotas, Logins, Readiness, RouteTable,
    Service, guard,
};

/// An API and what its site needs.
pub struct Site<A> {
    /// The operations.
    pub api: A,
    /// What the operations are called together.
    pub title: &'static str,
    /// The finished OpenAPI document; `None`: `/docs` and `/openapi.json` are switched off.
    pub document: Option<String>,
    /// How it speaks HTTP.
    pub http: HttpOptions,
    /// How people log in.
    pub logins: Arc<Logins>,
}

/// Returns the finished OpenAPI document of an API.
///
/// # Panics
/// When poem-openapi writes something that is not JSON.
#[must_use]
pub fn document_of<A: OpenApi + 'static>(api: A, title: &str, version: &str, description: &str) -> String {
    let license = LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0");
    let service = OpenApiService::new(api, title, version).description(description).license(license);
    finish_document(&service.spec()).expect("poem-openapi writes JSON")
}

impl<A: OpenApi + 'static> Site<A> {
    /// Makes a service of it: keys are looked up in the stores, `clock` says whether one has expired.
    ///
    /// # Errors
    /// [`UndeclaredScopes`] when an operation neither declares a scope nor is one of the open ones.
    pub fn into_service(
        self,
        stores: Stores,
        readiness: Readiness,
        clock: Arc<dyn Clock>,
    ) -> Result<Service, UndeclaredScopes> {
        check_scopes::<A>()?;
        let Self { http, logins, .. } = &self;
        let options = AuthenticatorOptions::from(&http.keys);
        let authenticator = Authenticator::new(Arc::clone(&stores.keys), clock, options)
            .with_users(Arc::clone(&stores.users), Arc::clone(logins));
        let quotas = Arc::new(KeyQuotas::new((&http.quotas).into()));
        let callers = Callers { authenticator: Arc::new(authenticator), quotas };
        let (listener_limits, tls) = ((&http.listener).into(), http.tls.files());
        let endpoint = self.into_endpoint(&callers, readiness.clone());
        Ok(Service { endpoint, readiness, stores, listener_limits, tls, callers, side_doors: Vec::new() })
    }

    fn into_endpoint(self, callers: &Callers, readiness: Readiness) -> BoxEndpoint<'static, Response> {
        let mut routes = RouteTable::of::<A>();
        let mut site = Route::new().nest_no_strip("/", OpenApiService::new(self.api, self.title, ""));
        if let Some(document) = self.document {
            site = site.at("/docs", DocsPage::new(self.title, &document).into_endpoint());
            site = site.at("/openapi.json", document_endpoint(document));
            routes = routes.with("/docs", &[Method::GET]).with("/openapi.json", &[Method::GET]);
        }
        let HttpOptions { listener, body, cors, .. } = &self.http;
        let bodies = BodyReader::new(body.into());
        let Callers { authenticator, quotas } = callers.clone();
        let site = site.data(authenticator).data(quotas).data(bodies);
        guard(Farewell::new(site, readiness), routes)
            .with_head_limits(ListenerLimits::from(listener).heads)
            .with_cors(cors.cors())
            .with_proxies(listener.proxies())
            .boxed()
    }
}
