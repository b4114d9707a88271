//! The last moment of a service: it still listens, so that nobody meets a closed door who has not heard yet, and
//! sends every new request to whoever comes next.

use poem::http::HeaderValue;
use poem::http::header::CONNECTION;
use poem::{Endpoint, IntoResponse, Request, Response};
use store::StoreError;

use crate::{Problem, Readiness};

/// Paths that are answered to the end: they say themselves that the service is about to stop.
const ANSWERED_TO_THE_END: [&str; 4] = ["/livez", "/readyz", "/health", "/status"];

/// An app that, once it takes no more work, answers new requests with 503 and closes their connections. What was
/// begun before goes on.
pub(crate) struct Farewell<E> {
    inner: E,
    readiness: Readiness,
}

impl<E> Farewell<E> {
    pub(crate) fn new(inner: E, readiness: Readiness) -> Self {
        Self { inner, readiness }
    }
}

impl<E: Endpoint> Endpoint for Farewell<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if self.readiness.is_on() {
            return self.inner.call(request).await.map(IntoResponse::into_response);
        }
        let close = HeaderValue::from_static("close");
        if !ANSWERED_TO_THE_END.contains(&request.uri().path()) {
            return Err(Problem::from(StoreError::Closed).with_header(CONNECTION, close).into());
        }
        let mut response = self.inner.call(request).await?.into_response();
        response.headers_mut().insert(CONNECTION, close);
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make_sync;

    use super::*;

    async fn answer(path: &'static str, readiness: &Readiness) -> (u16, bool, bool) {
        let app = Farewell::new(make_sync(|_| "done"), readiness.clone());
        let response = app.get_response(Request::builder().uri_str(path).finish()).await;
        let headers = response.headers();
        let is_closed = headers.get(CONNECTION).is_some_and(|value| value == "close");
        (response.status().as_u16(), is_closed, headers.contains_key("retry-after"))
    }

    #[tokio::test]
    async fn new_requests_are_sent_elsewhere_once_the_service_is_not_ready_any_more() {
        let readiness = Readiness::default();
        assert_eq!(answer("/logs", &readiness).await, (200, false, false));
        readiness.switch_off();
        assert_eq!(answer("/logs", &readiness).await, (503, true, true));
    }

    #[tokio::test]
    async fn whoever_asks_how_the_service_is_gets_its_own_answer() {
        let readiness = Readiness::default();
        readiness.switch_off();
        for path in ANSWERED_TO_THE_END {
            assert_eq!(answer(path, &readiness).await, (200, true, false), "{path}");
        }
    }
}
