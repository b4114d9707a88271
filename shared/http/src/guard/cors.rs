//! CORS: which pages of other origins may ask, and read the answers. By default none: a browser then keeps answers
//! from them.
//!
//! An origin that is not listed is refused nothing: it is answered as ever, without the headers that would let its
//! page read the answer. So our own page, and programs that send `Origin` for no reason, do not notice.

use std::str::FromStr;
use std::sync::Arc;

use poem::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use poem::{Request, Response};

/// What a page may send.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, x-api-key, content-type, content-encoding, idempotency-key, x-request-id, last-event-id",
);

/// What it may read beside the body.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("Link, X-Next-Cursor, X-Request-Id, Retry-After");

/// The methods of a path that we do not know.
const ANY_METHOD: HeaderValue = HeaderValue::from_static("DELETE, GET, HEAD, PATCH, POST, PUT");

/// How long a browser may remember a preflight, in seconds (10 min).
const REMEMBER_SECONDS: HeaderValue = HeaderValue::from_static("600");

const EVERY_ORIGIN: HeaderValue = HeaderValue::from_static("*");
const YES: HeaderValue = HeaderValue::from_static("true");
const VARIES: HeaderValue = HeaderValue::from_static("Origin");

/// An origin whose pages may ask, such as `https://a.example:8443`, or `*`: every one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// Every origin.
    Every,
    /// This one.
    One(HeaderValue),
}

/// What pages of other origins are told.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    is_every: bool,
    listed: Arc<[HeaderValue]>,
}

/// What one request is told.
pub(super) struct Told<'a> {
    cors: &'a Cors,
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl FromStr for AllowedOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "*" {
            return Ok(Self::Every);
        }
        // Browsers send a scheme, a host in small letters, and a port if it is not the scheme's own.
        let origin = text.to_ascii_lowercase();
        let is_origin = origin.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str().is_some_and(|scheme| origin.len() > scheme.len() + 3)
                && uri.path_and_query().is_none_or(|path| path == "/")
                && !origin.ends_with('/')
                && !origin.contains('@')
        });
        let value = is_origin.then(|| HeaderValue::from_str(&origin).ok()).flatten();
        value.map(Self::One).ok_or_else(|| "expected * or an origin, such as https://a.example".to_owned())
    }
}

impl Cors {
    /// Allows these origins.
    #[must_use]
    pub fn new(allowed: &[AllowedOrigin]) -> Self {
        let mut cors = Self { is_every: allowed.contains(&AllowedOrigin::Every), listed: Arc::default() };
        cors.listed = allowed
            .iter()
            .filter_map(|origin| match origin {
                AllowedOrigin::One(value) => Some(value.clone()),
                AllowedOrigin::Every => None,
            })
            .collect();
        cors
    }

    fn is_off(&self) -> bool {
        !self.is_every && self.listed.is_empty()
    }

    /// Returns what a request is told; `None`: CORS is off.
    pub(super) fn told(&self, request: &Request) -> Option<Told<'_>> {
        if self.is_off() {
            return None;
        }
        let headers = request.headers();
        let asks_first =
            request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let origin = headers.get(ORIGIN).cloned();
        let is_preflight = asks_first && origin.is_some();
        Some(Told { cors: self, origin, is_preflight })
    }
}

impl Told<'_> {
    /// Returns the answer to a preflight, if it is one. `methods`: what the path knows, as `Allow` lists it.
    pub(super) fn preflight(&self, methods: Option<HeaderValue>) -> Option<Response> {
        if !self.is_preflight {
            return None;
        }
        let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
        if self.is_allowed() {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.unwrap_or(ANY_METHOD));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBER_SECONDS);
        }
        Some(response)
    }

    /// Adds to an answer what lets the page read it.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if !self.cors.listed.is_empty() {
            headers.append(VARY, VARIES);
        }
        let Some(origin) = self.origin.as_ref().filter(|_| self.is_allowed()) else { return };
        if self.is_listed() {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, YES);
        } else {
            // Never with credentials: every page in the world could ask in its reader's name.
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, EVERY_ORIGIN);
        }
        if !self.is_preflight {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }

    fn is_allowed(&self) -> bool {
        self.origin.is_some() && (self.cors.is_every || self.is_listed())
    }

    fn is_listed(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| self.cors.listed.contains(origin))
    }
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make_sync;
    use poem::{Endpoint, IntoResponse};

    use super::*;
    use crate::{Problem, RouteTable, guard};

    async fn ask(allowed: &str, origin: Option<&str>, method: Method) -> Response {
        let allowed: Vec<AllowedOrigin> =
            allowed.split(',').filter(|text| !text.is_empty()).map(|text| text.parse().unwrap()).collect();
        let routes = RouteTable::default().with("/logs", &[Method::GET, Method::POST]);
        let app = make_sync(|request| match *request.method() {
            Method::GET => "logs".into_response(),
            _ => Problem::method_not_allowed(None).into_response(),
        });
        let mut request = Request::builder().method(method.clone()).uri_str("/logs");
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        if method == Method::OPTIONS {
            request = request.header(ACCESS_CONTROL_REQUEST_METHOD, "POST");
        }
        guard(app, routes).with_cors(Cors::new(&allowed)).get_response(request.finish()).await
    }

    fn names(response: &Response) -> Vec<String> {
        let names = response.headers().keys().map(|name| name.as_str().to_owned());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("access-control")).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn by_default_no_origin_is_told_anything() {
        for method in [Method::GET, Method::OPTIONS] {
            let response = ask("", Some("https://a.example"), method.clone()).await;
            assert_eq!(response.status() == 200, method == Method::GET);
            assert_eq!((names(&response), response.header("Vary")), (Vec::new(), None));
        }
    }

    #[tokio::test]
    async fn a_listed_origin_may_ask_and_read() {
        let response =
            ask("https://b.example,https://a.example", Some("https://a.example"), Method::GET).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.header("Access-Control-Allow-Origin"), Some("https://a.example"));
        assert_eq!(response.header("Access-Control-Allow-Credentials"), Some("true"));
        assert!(response.header("Access-Control-Expose-Headers").unwrap().contains("X-Next-Cursor"));
        assert_eq!(response.header("Vary"), Some("Origin"));
    }

    #[tokio::test]
    async fn an_origin_that_is_not_listed_is_answered_and_told_nothing() {
        for (origin, method, status) in [
            (Some("https://evil.example"), Method::GET, 200),
            (Some("https://a.example.evil"), Method::OPTIONS, 204),
            (Some("null"), Method::GET, 200),
            (None, Method::GET, 200),
            (None, Method::OPTIONS, 405),
        ] {
            let response = ask("https://a.example", origin, method.clone()).await;
            assert_eq!(response.status().as_u16(), status, "{origin:?} {method}");
            assert_eq!(names(&response), Vec::<String>::new(), "{origin:?} {method}");
            assert_eq!(response.header("Vary"), Some("Origin"), "caches must not mix answers up");
        }
    }

    #[tokio::test]
    async fn every_origin_is_never_allowed_with_credentials() {
        let response = ask("*", Some("https://any.example"), Method::GET).await;
        assert_eq!(response.header("Access-Control-Allow-Origin"), Some("*"));
        assert_eq!(response.header("Access-Control-Allow-Credentials"), None);
        assert_eq!(response.header("Vary"), None);
    }

    #[tokio::test]
    async fn a_preflight_is_told_what_it_may_send() {
        let response = ask("https://a.example", Some("https://a.example"), Method::OPTIONS).await;
        assert_eq!(response.status(), 204);
        assert_eq!(response.header("Access-Control-Allow-Methods"), Some("GET, HEAD, POST"));
        let headers = response.header("Access-Control-Allow-Headers").unwrap();
        for name in ["authorization", "x-api-key", "idempotency-key", "last-event-id", "content-encoding"] {
            assert!(headers.contains(name), "{name}");
        }
        assert_eq!(response.header("Access-Control-Max-Age"), Some("600"));
        assert!(response.header("X-Request-Id").is_some());
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for text in
            ["https://a.example", "http://localhost:3000", " HTTPS://A.example ", "http://[::1]:8", "*"]
        {
            assert!(text.parse::<AllowedOrigin>().is_ok(), "{text:?}");
        }
        for text in
            ["", "a.example", "https://", "https://a.example/", "https://a.example/x", "https://u@a.example"]
        {
            assert!(text.parse::<AllowedOrigin>().is_err(), "{text:?}");
        }
    }
}
