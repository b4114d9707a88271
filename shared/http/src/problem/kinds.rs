//! The kinds of problems: one constructor for each status of the contract.

use std::borrow::Cow;
use std::fmt;

use domain::Scope;
use poem::http::header::{ACCEPT_ENCODING, ALLOW, WWW_AUTHENTICATE};
use poem::http::{HeaderValue, StatusCode};

use super::{Cause, Problem};

/// What a 401 offers: the schemes that a browser or a client library may know.
const CHALLENGE: HeaderValue =
    HeaderValue::from_static(r#"Bearer realm="log-sentinel", Basic realm="log-sentinel""#);

impl Problem {
    /// 400: the request cannot be understood.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400: the parameter `name` has no valid value.
    #[must_use]
    pub fn invalid_parameter(name: &str, reason: impl fmt::Display) -> Self {
        Self::bad_request("invalid_parameter", format!("parameter {name}: {reason}"))
    }

    /// 401: no key, or none that works. Does not say which.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "an API key that works is required: Authorization: Bearer <key>, Authorization: Token <key>, \
                      X-API-Key: <key>, or as the password of HTTP Basic";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).with_header(WWW_AUTHENTICATE, CHALLENGE)
    }

    /// 403: the key works, but not for this.
    #[must_use]
    pub fn missing_scope(scope: Scope) -> Self {
        let detail = format!("the API key lacks the scope {}", scope.name());
        Self::new(StatusCode::FORBIDDEN, "missing_scope", detail)
    }

    /// 404.
    #[must_use]
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 405. `allowed`: what the path does know, as the header `Allow` lists it.
    #[must_use]
    pub fn method_not_allowed(allowed: Option<HeaderValue>) -> Self {
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "the path does not know this method",
        );
        match allowed {
            Some(methods) => problem.with_header(ALLOW, methods),
            None => problem,
        }
    }

    /// 408: the request came too slowly.
    #[must_use]
    pub fn request_timeout(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, code, detail)
    }

    /// 409: the request contradicts the state of what it is about.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 413: `what` is larger than `limit_bytes`.
    #[must_use]
    pub fn body_too_large(what: &str, limit_bytes: usize) -> Self {
        let detail = format!("{what} is larger than the limit of {limit_bytes} bytes");
        Self::payload_too_large("body_too_large", detail)
    }

    /// 413: what was sent is too large, or becomes so; `detail` states the limit.
    #[must_use]
    pub fn payload_too_large(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, detail)
    }

    /// 415: the body's type is not one of `supported`.
    #[must_use]
    pub fn unsupported_media_type(detail: impl fmt::Display, supported: &str) -> Self {
        let detail = format!("{detail}; supported: {supported}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// 415: the body's encoding is not one of `supported`.
    #[must_use]
    pub fn unsupported_encoding(detail: impl fmt::Display, supported: &'static str) -> Self {
        let detail = format!("{detail}; supported, one at a time: {supported}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail)
            .with_header(ACCEPT_ENCODING, HeaderValue::from_static(supported))
    }

    /// 422: understood, but cannot be done.
    #[must_use]
    pub fn unprocessable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 429: this client has to slow down.
    #[must_use]
    pub fn too_many_requests(
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
        retry_after_seconds: u32,
    ) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail).with_retry_after(retry_after_seconds)
    }

    /// 500: a mistake of ours. Says nothing more; the cause is logged.
    #[must_use]
    pub fn internal(cause: impl Into<Cause>) -> Self {
        let detail = "an internal error; the service's log has more under this request_id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).with_cause(cause)
    }

    /// 503: not now.
    #[must_use]
    pub fn unavailable(
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
        retry_after_seconds: u32,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).with_retry_after(retry_after_seconds)
    }
}
