//! What every answer has, whatever went wrong.

use poem::http::uri::Scheme;
use poem::http::{HeaderMap, Method, Request as HttpRequest, StatusCode};
use poem::web::{Html, LocalAddr, RemoteAddr};
use poem::{Addr, Body, Endpoint, IntoResponse, Request, RequestParts, Response, Route, get, handler};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::Value;

use super::*;
use crate::{Problem, RequestId, TrustedProxies};

struct Api;

#[OpenApi]
impl Api {
    #[oai(path = "/logs/:id", method = "get")]
    async fn get(
        &self,
        id: Path<i64>,
        #[oai(name = "limit")] limit: Query<Option<u32>>,
    ) -> PlainText<String> {
        PlainText(format!("{} {:?}", id.0, limit.0))
    }

    #[oai(path = "/logs", method = "post")]
    async fn post(&self, record: Json<Vec<String>>) -> PlainText<String> {
        PlainText(record.0.concat())
    }

    #[oai(path = "/panic", method = "get")]
    async fn panic(&self) -> PlainText<String> {
        panic!("secret of src/handler.rs")
    }

    #[oai(path = "/other/panic", method = "get")]
    async fn other_panic(&self) -> PlainText<String> {
        panic!("secret of src/handler.rs")
    }

    #[oai(path = "/other/refused", method = "get")]
    async fn other_refused(&self) -> poem::Result<PlainText<String>> {
        Err(Problem::conflict("taken", "seen").into())
    }

    #[oai(path = "/broken", method = "get")]
    async fn broken(&self) -> poem::Result<PlainText<String>> {
        Err(poem::error::InternalServerError(std::io::Error::other("SELECT secret")))
    }

    #[oai(path = "/refused", method = "get")]
    async fn refused(&self) -> poem::Result<PlainText<String>> {
        let id = RequestId::current().map(|id| id.to_string()).unwrap_or_default();
        Err(Problem::conflict("taken", format!("seen in {id}")).into())
    }
}

#[handler]
fn page() -> Response {
    Html("<h1>hi</h1>").with_header("Content-Security-Policy", "default-src 'self'").into_response()
}

#[handler]
fn foreign() -> Response {
    let mut response = (StatusCode::BAD_REQUEST, "entry too far behind").into_response();
    response.set_data(OwnShape);
    response
}

#[handler]
fn sick() -> impl IntoResponse {
    (StatusCode::SERVICE_UNAVAILABLE, poem::web::Json(serde_json::json!({"status": "unavailable"})))
}

fn app() -> impl Endpoint<Output = Response> {
    let routes = RouteTable::of::<Api>().with("/page", &[Method::GET]);
    let api = OpenApiService::new(Api, "test", "1");
    let app = Route::new()
        .nest("/", api)
        .at("/page", get(page))
        .at("/foreign", get(foreign))
        .at("/sick", get(sick));
    guard(app, routes).with_shapes(vec![ErrorShape { path: "/other", write: in_another_shape }])
}

fn in_another_shape(problem: &Problem, headers: &HeaderMap) -> Response {
    let asked = headers.get("x-asked").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body = format!("{} {asked}", problem.code());
    Response::builder().status(problem.status()).content_type("text/plain").body(body)
}

async fn ask(method: Method, path: &str) -> Response {
    app().get_response(Request::builder().method(method).uri_str(path).finish()).await
}

async fn problem_of(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.content_type(), Some("application/problem+json"), "{status}");
    let id = response.header("X-Request-Id").unwrap().to_owned();
    let body: Value = serde_json::from_slice(&response.into_body().into_bytes().await.unwrap()).unwrap();
    assert_eq!(body["request_id"], id.as_str());
    assert_eq!(body["status"], status);
    (status, body)
}

#[tokio::test]
async fn every_error_has_the_one_shape_and_the_requests_id() {
    let table = [
        (Method::GET, "/nowhere", 404, "not_found"),
        (Method::GET, "/logs/7/", 404, "not_found"),
        (Method::DELETE, "/logs/7", 405, "method_not_allowed"),
        (Method::GET, "/logs/seven", 400, "invalid_parameter"),
        (Method::GET, "/logs/7?limit=x", 400, "invalid_parameter"),
        (Method::POST, "/logs", 415, "unsupported_media_type"),
        (Method::GET, "/panic", 500, "internal"),
        (Method::GET, "/broken", 500, "internal"),
        (Method::GET, "/refused", 409, "taken"),
    ];
    for (method, path, status, code) in table {
        let (got, body) = problem_of(ask(method, path).await).await;
        assert_eq!((got, body["code"].as_str().unwrap()), (status, code), "{path}");
        let text = body.to_string();
        assert!(!text.contains("secret") && !text.contains("src/"), "{text}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_parse_is_a_problem() {
    let request = Request::builder().method(Method::POST).uri_str("/logs").content_type("application/json");
    let (status, body) = problem_of(app().get_response(request.body("{]")).await).await;
    assert_eq!((status, body["code"].as_str().unwrap()), (400, "malformed_body"));
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    assert_eq!(ask(Method::DELETE, "/logs/7").await.header("Allow"), Some("GET, HEAD"));
    assert_eq!(ask(Method::PUT, "/logs").await.header("Allow"), Some("POST"));
    assert_eq!(ask(Method::POST, "/page").await.header("Allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn the_clients_id_is_kept_and_a_bad_one_replaced() {
    let ask_as = async |id: &str| {
        let request = Request::builder().uri_str("/refused").header("X-Request-Id", id).finish();
        let response = app().get_response(request).await;
        (response.header("X-Request-Id").unwrap().to_owned(), problem_of(response).await.1)
    };
    let (id, body) = ask_as("trace-42").await;
    assert_eq!((id.as_str(), body["detail"].as_str().unwrap()), ("trace-42", "seen in trace-42"));
    let (id, _) = ask_as("two words").await;
    assert_eq!(id.len(), 32);
}

#[tokio::test]
async fn every_answer_has_the_security_headers_and_a_page_may_have_its_own() {
    for path in ["/logs/7", "/nowhere", "/panic", "/page"] {
        let response = ask(Method::GET, path).await;
        assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"), "{path}");
        assert_eq!(response.header("Referrer-Policy"), Some("no-referrer"), "{path}");
        assert_eq!(response.header("Cache-Control"), Some("no-store"), "{path}");
        assert_eq!(response.header("Cross-Origin-Resource-Policy"), Some("same-origin"), "{path}");
        assert_eq!(response.header("Cross-Origin-Opener-Policy"), Some("same-origin"), "{path}");
        assert!(response.header("Permissions-Policy").is_some(), "{path}");
        assert_eq!((response.header("Server"), response.header("Strict-Transport-Security")), (None, None));
        assert_eq!(response.headers().get_all("Content-Security-Policy").iter().count(), 1, "{path}");
    }
    assert_eq!(ask(Method::GET, "/page").await.header("Content-Security-Policy"), Some("default-src 'self'"));
}

#[tokio::test]
async fn an_error_in_the_shape_of_another_protocol_is_left_alone() {
    let response = ask(Method::GET, "/foreign").await;
    assert_eq!(response.into_body().into_string().await.unwrap(), "entry too far behind");
    let response = ask(Method::GET, "/sick").await;
    assert_eq!(response.into_body().into_string().await.unwrap(), r#"{"status":"unavailable"}"#);
}

#[tokio::test]
async fn a_request_head_has_a_limit_that_is_stated() {
    let request = Request::builder().uri_str("/logs/7").header("X-Long", "x".repeat(17_000)).finish();
    let (status, body) = problem_of(app().get_response(request).await).await;
    assert_eq!(status, 431);
    assert!(body["detail"].as_str().unwrap().contains("16384 bytes"));
}

#[tokio::test]
async fn who_prefers_spanish_is_asked_in_spanish() {
    let endpoint = guard(poem::endpoint::make_sync(|_| Problem::unauthorized()), RouteTable::default());
    let request = Request::builder().header("Accept-Language", "es-AR,es;q=0.9").finish();
    let (_, body) = problem_of(endpoint.get_response(request).await).await;
    assert_eq!(body["error"], "Quién sos, bro?");
}

#[tokio::test]
async fn an_answer_is_only_for_encrypted_connections_from_then_on_if_it_was_encrypted() {
    let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    let endpoint = guard(poem::endpoint::make_sync(|_| "x"), RouteTable::default()).with_proxies(proxies);
    for (peer, said, expected) in [
        ("10.0.0.1:1", "https", Some("max-age=31536000")),
        ("10.0.0.1:1", "http", None),
        ("11.0.0.1:1", "https", None),
    ] {
        let (head, ()) =
            HttpRequest::builder().header("X-Forwarded-Proto", said).body(()).unwrap().into_parts();
        let remote = RemoteAddr(Addr::SocketAddr(peer.parse().unwrap()));
        let head = RequestParts::from((head, LocalAddr::default(), remote, Scheme::HTTP));
        let request = Request::from_parts(head, Body::empty());
        let response = endpoint.get_response(request).await;
        assert_eq!(response.header("Strict-Transport-Security"), expected, "{peer} {said}");
    }
}

#[tokio::test]
async fn errors_below_a_path_have_its_shape_whoever_found_them() {
    let large = "x".repeat(20_000);
    let table = [
        (Method::GET, "/other", "here", 404, "not_found here"),
        (Method::GET, "/other/nowhere", "", 404, "not_found "),
        (Method::PUT, "/other/refused", "", 405, "method_not_allowed "),
        (Method::GET, "/other/refused", "", 409, "taken "),
        (Method::GET, "/other/panic", "", 500, "internal "),
        (Method::GET, "/other/nowhere", &large, 431, ""),
    ];
    for (method, path, asked, status, text) in table {
        let request = Request::builder().method(method).uri_str(path).header("x-asked", asked);
        let response = app().get_response(request.finish()).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(response.content_type(), Some("text/plain"), "{path}");
        assert!(response.header("X-Request-Id").is_some(), "{path}");
        let body = response.into_body().into_string().await.unwrap();
        assert!(body.starts_with(text), "{path}: {body:.100}");
    }
    let (status, _) = problem_of(ask(Method::GET, "/others").await).await;
    assert_eq!(status, 404, "a path that only begins alike is another");
}
