//! A site: an API with everything that every service puts around one. Documentation, keys, limits, the guard.

use std::sync::Arc;

use domain::Clock;
use poem::endpoint::BoxEndpoint;
use poem::error::NotFoundError;
use poem::http::Method;
use poem::{Endpoint, EndpointExt, Request, Response, Route};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};
use store::Stores;
use tokio::net::TcpListener;

use crate::docs::{DocsPage, document_endpoint};
use crate::farewell::Farewell;
use crate::lifecycle::Callers;
use crate::listener::{ListenerLimits, Port};
use crate::openapi::{UndeclaredScopes, check_scopes, finish_document};
use crate::{
    Authenticator, AuthenticatorOptions, BodyReader, ErrorShape, HttpOptions, KeyQuotas, Logins, Readiness,
    RouteTable, Service, guard,
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
    /// Where errors have the shape of another protocol.
    pub shapes: Vec<ErrorShape>,
    /// Further sockets, each for some of the paths.
    pub side_ports: Vec<SidePort>,
}

/// A socket of its own for some of a site's paths.
#[derive(Debug)]
pub struct SidePort {
    /// What is found there, in the log.
    pub routes: &'static str,
    /// The socket.
    pub listener: TcpListener,
    /// The paths, as they are declared; any other is a 404 there.
    pub paths: &'static [&'static str],
}

/// An app of which only some routes are found.
struct Narrowed<E> {
    inner: E,
    routes: RouteTable,
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
        mut self,
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
        let side_ports = std::mem::take(&mut self.side_ports);
        let wrapped = self.into_wrapped(&callers, readiness.clone());
        let side_ports = side_ports.into_iter().map(|port| wrapped.side_port(port)).collect();
        let endpoint = wrapped.guarded(Arc::clone(&wrapped.site), wrapped.routes.clone());
        let side_doors = Vec::new();
        Ok(Service { endpoint, side_ports, side_doors, readiness, stores, listener_limits, tls, callers })
    }

    fn into_wrapped(self, callers: &Callers, readiness: Readiness) -> Wrapped {
        let mut routes = RouteTable::of::<A>();
        let mut site = Route::new().nest_no_strip("/", OpenApiService::new(self.api, self.title, ""));
        if let Some(document) = self.document {
            site = site.at("/docs", DocsPage::new(self.title, &document).into_endpoint());
            site = site.at("/openapi.json", document_endpoint(document));
            routes = routes.with("/docs", &[Method::GET]).with("/openapi.json", &[Method::GET]);
        }
        let bodies = BodyReader::new((&self.http.body).into());
        let Callers { authenticator, quotas } = callers.clone();
        let site = site.data(authenticator).data(quotas).data(bodies).map_to_response().boxed();
        Wrapped { site: Arc::new(site), routes, http: self.http, readiness, shapes: self.shapes }
    }
}

/// The routes of a site with all that they need, but for the guard, which each port has its own of.
struct Wrapped {
    site: Arc<BoxEndpoint<'static, Response>>,
    routes: RouteTable,
    http: HttpOptions,
    readiness: Readiness,
    shapes: Vec<ErrorShape>,
}

impl Wrapped {
    fn side_port(&self, port: SidePort) -> Port {
        let routes = self.routes.only(port.paths);
        let narrowed = Narrowed { inner: Arc::clone(&self.site), routes: routes.clone() };
        Port::new(port.routes, port.listener, self.guarded(narrowed, routes))
    }

    fn guarded(
        &self,
        site: impl Endpoint<Output = Response> + 'static,
        routes: RouteTable,
    ) -> BoxEndpoint<'static, Response> {
        let HttpOptions { listener, cors, .. } = &self.http;
        guard(Farewell::new(site, self.readiness.clone()), routes)
            .with_head_limits(ListenerLimits::from(listener).heads)
            .with_cors(cors.cors())
            .with_proxies(listener.proxies())
            .with_shapes(self.shapes.clone())
            .boxed()
    }
}

impl<E: Endpoint> Endpoint for Narrowed<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> poem::Result<E::Output> {
        if self.routes.name_of(request.uri().path()).is_none() {
            return Err(NotFoundError.into());
        }
        self.inner.call(request).await
    }
}
