//! The wrapper itself.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use poem::endpoint::Endpoint;
use poem::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use poem::{IntoEndpoint, IntoResponse, Request, Response};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::RouteTable;
use super::cors::Cors;
use super::headers::secure;
use crate::Problem;
use crate::client_address::{TrustedProxies, is_encrypted};
use crate::listener::HeadLimits;
use crate::problem::{PROBLEM_CONTENT_TYPE, of_framework_error, of_status};
use crate::request_id::{RequestContext, X_REQUEST_ID};

/// What a header costs beside its name and value: the colon, the space and the line's end.
const HEADER_OVERHEAD_BYTES: usize = 4;

/// Marks an answer whose body stays as it is though its status is an error: routes of other protocols answer
/// errors in the shape of their protocol. Set it with `response.set_data(OwnShape)`. JSON needs no mark.
#[derive(Debug, Clone, Copy)]
pub struct OwnShape;

/// How errors look at a path and below it: routes of other protocols answer in the shape of their protocol, whichever part
/// of the app found the error.
#[derive(Debug, Clone, Copy)]
pub struct ErrorShape {
    /// The path, without a slash at its end.
    pub path: &'static str,
    /// Writes a problem; the headers are the request's.
    pub write: fn(&Problem, &HeaderMap) -> Response,
}

/// An endpoint in its guard; see [`guard`].
pub struct Guarded<E> {
    inner: E,
    routes: RouteTable,
    heads: HeadLimits,
    cors: Cors,
    proxies: TrustedProxies,
    shapes: Vec<ErrorShape>,
}

/// Puts the guard around an app. It
/// * gives every request an id, the client's own if that is one, and puts it on every answer;
/// * makes every error a problem: a panic, an unknown path or method, and what the framework says in plain text; below some
///   paths problems have the shape of another protocol ([`Guarded::with_shapes`]);
/// * refuses request heads that are too large (16 KiB, 100 headers);
/// * lets no page of another origin ask ([`Guarded::with_cors`]), and believes no proxy ([`Guarded::with_proxies`]);
/// * adds the security headers that an answer does not bring itself;
/// * logs one line per request at debug level, inside a span that everything below belongs to.
pub fn guard<E: IntoEndpoint>(app: E, routes: RouteTable) -> Guarded<E::Endpoint> {
    Guarded {
        inner: app.into_endpoint(),
        routes,
        heads: HeadLimits::default(),
        cors: Cors::default(),
        proxies: TrustedProxies::default(),
        shapes: Vec::new(),
    }
}

impl<E> Guarded<E> {
    /// Refuses request heads beyond these limits.
    #[must_use]
    pub fn with_head_limits(self, heads: HeadLimits) -> Self {
        Self { heads, ..self }
    }

    /// Lets pages of these origins ask.
    #[must_use]
    pub fn with_cors(self, cors: Cors) -> Self {
        Self { cors, ..self }
    }

    /// Believes these proxies; everything below finds them in the request's data.
    #[must_use]
    pub fn with_proxies(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }

    /// Gives errors these shapes instead of that of a problem.
    #[must_use]
    pub fn with_shapes(self, shapes: Vec<ErrorShape>) -> Self {
        Self { shapes, ..self }
    }
}

impl ErrorShape {
    fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn answer(&self, problem: &Problem, headers: &HeaderMap) -> Response {
        problem.note();
        let mut response = (self.write)(problem, headers);
        response.set_data(OwnShape);
        response
    }
}

impl<E: Endpoint> Endpoint for Guarded<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        let context = RequestContext::of(request.headers());
        let route = self.routes.name_of(request.uri().path()).unwrap_or("unknown");
        let span = tracing::info_span!(
            "request",
            method = %request.method(),
            route,
            request_id = context.id.as_str(),
            status = Empty,
            caller = Empty,
            otel.kind = "server",
            otel.name = format_args!("{} {route}", request.method()),
        );
        request.set_data(self.proxies.clone());
        let is_encrypted = is_encrypted(&request);
        let told = self.cors.told(&request);
        let preflight =
            told.as_ref().and_then(|told| told.preflight(self.routes.allowed(request.uri().path())));
        let answer = async {
            match preflight {
                Some(response) => response,
                // In a box: what is around it would each have room for it again, for as long as a body takes.
                None => Box::pin(self.answer(request)).await,
            }
        };
        let answer = answer.instrument(span.clone());
        let mut response = context.clone().scope(answer).await;

        if let Some(principal) = context.principal.get() {
            response.extensions_mut().insert(principal.tenant.clone());
        }
        let headers = response.headers_mut();
        secure(headers, is_encrypted);
        if let Some(told) = &told {
            told.tell(headers);
        }
        if let Ok(id) = HeaderValue::from_str(context.id.as_str()) {
            headers.insert(X_REQUEST_ID, id);
        }
        note(&span, &context, response.status(), started.elapsed());
        Ok(response)
    }
}

impl<E: Endpoint> Guarded<E> {
    async fn answer(&self, request: Request) -> Response {
        let shape = self.shapes.iter().find(|shape| shape.covers(request.uri().path()));
        let shape = shape.map(|shape| (shape, request.headers().clone()));
        match (self.outcome(request).await, shape) {
            (Ok(response), _) => response,
            (Err(problem), Some((shape, headers))) => shape.answer(&problem, &headers),
            (Err(problem), None) => problem.into_response(),
        }
    }

    async fn outcome(&self, request: Request) -> Result<Response, Problem> {
        let uri = request.uri().clone();
        if let Some(problem) = self.head_too_large(&uri, request.headers()) {
            return Err(problem);
        }
        let allowed = || self.routes.allowed(uri.path());
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind().await;
        let response = match answer {
            Ok(Ok(output)) => output.into_response(),
            Ok(Err(error)) if error.is_from_response() => error.into_response(),
            Ok(Err(error)) => return Err(of_framework_error(error, allowed())),
            // The panic's own text is in the log already, where the hook has put it.
            Err(_) => return Err(Problem::internal("a handler panicked")),
        };
        if is_as_it_should_be(&response) {
            return Ok(response);
        }
        Err(of_status(response.status(), allowed()))
    }
}

impl<E> Guarded<E> {
    fn head_too_large(&self, uri: &Uri, headers: &HeaderMap) -> Option<Problem> {
        let HeadLimits { max_bytes, max_count } = self.heads;
        let detail = if head_bytes(uri, headers) > max_bytes {
            format!("the request's target and headers are larger than the limit of {max_bytes} bytes")
        } else if headers.len() > max_count {
            format!("the request has more headers than the limit of {max_count}")
        } else {
            return None;
        };
        Some(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail))
    }
}

/// Says whether an answer keeps its body: every success, and every error in a shape that was meant.
fn is_as_it_should_be(response: &Response) -> bool {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let content_type = response.content_type().unwrap_or_default();
    let is_json =
        content_type.starts_with(PROBLEM_CONTENT_TYPE) || content_type.starts_with("application/json");
    !is_error || is_json || response.data::<OwnShape>().is_some()
}

fn head_bytes(uri: &Uri, headers: &HeaderMap) -> usize {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD_BYTES);
    target + lines.sum::<usize>()
}

/// Writes what became of a request into its span and the log.
fn note(span: &Span, context: &RequestContext, status: StatusCode, took: Duration) {
    let caller =
        context.principal.get().map_or_else(|| "-".to_owned(), |principal| principal.caller.to_string());
    span.record("status", status.as_u16()).record("caller", &caller);
    span.in_scope(|| {
        let duration_ms = took.as_secs_f64() * 1000.0;
        tracing::debug!(status = status.as_u16(), caller, duration_ms, "answered");
    });
}
