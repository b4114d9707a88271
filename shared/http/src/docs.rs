//! The page that shows an OpenAPI document and lets people try it: Swagger UI, in one piece, loading nothing.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use poem::endpoint::{Endpoint, make_sync};
use poem::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use poem::{Body, Response};
use poem_openapi::OpenApiService;
use sha2::{Digest, Sha256};

/// Where poem-openapi's page begins to hold the document, and what follows it.
const DOCUMENT_BEGINS: &str = "let spec = ";
const DOCUMENT_ENDS: &str = "let oauth2RedirectUrl;";

const SCRIPT_BEGINS: &str = "<script charset=\"UTF-8\">";
const SCRIPT_ENDS: &str = "</script>";

/// A page without an icon makes browsers ask for one.
const HEAD_ADDED: &str = "<link rel=\"icon\" href=\"data:,\">";

/// The page for a finished document.
#[derive(Debug, Clone)]
pub struct DocsPage {
    html: Bytes,
    content_security_policy: String,
}

impl DocsPage {
    /// Makes the page. `document` is JSON, as [`finish_document`](crate::openapi::finish_document) returns it.
    #[must_use]
    pub fn new(title: &str, document: &str) -> Self {
        let page = OpenApiService::new((), "", "").swagger_ui_html();
        let page = with_document(&page, document);
        let title =
            format!("<title>{}</title>{HEAD_ADDED}", title.replace('&', "&amp;").replace('<', "&lt;"));
        let html =
            format!("<!doctype html>{}", page.replacen("<title>Swagger UI</title>", &title, 1).trim_start());
        let content_security_policy = policy_for(&html);
        Self { html: html.into(), content_security_policy }
    }

    /// Returns an endpoint that serves the page.
    pub fn into_endpoint(self) -> impl Endpoint<Output = Response> + 'static {
        make_sync(move |_| {
            Response::builder()
                .header(CONTENT_TYPE, "text/html; charset=utf-8")
                .header(CONTENT_SECURITY_POLICY, &self.content_security_policy)
                .body(self.html.clone())
        })
    }
}

/// Returns an endpoint that serves a finished document.
pub fn document_endpoint(document: String) -> impl Endpoint<Output = Response> + 'static {
    let document = Bytes::from(document);
    make_sync(move |_| {
        Response::builder().header(CONTENT_TYPE, "application/json").body(Body::from(document.clone()))
    })
}

/// Puts `document` in place of the one that the page holds.
fn with_document(page: &str, document: &str) -> String {
    // Searched from the end: the scripts before it are long and not ours.
    let (before, rest) = page.rsplit_once(DOCUMENT_BEGINS).expect("poem-openapi's version is pinned");
    let (_, after) = rest.split_once(DOCUMENT_ENDS).expect("poem-openapi's version is pinned");
    // Nothing in it may end the script, or look like one; in JSON a `<` occurs only in strings.
    let document = document.trim_end().replace('<', "\\u003c");
    format!("{before}{DOCUMENT_BEGINS}{document};\n    {DOCUMENT_ENDS}{after}")
}

/// Returns a policy that runs the page's own scripts, by their digests, and asks nobody but this origin.
fn policy_for(html: &str) -> String {
    let mut digests = String::new();
    for opening in [SCRIPT_BEGINS, "<script>"] {
        let Some((_, rest)) = html.rsplit_once(opening) else { continue };
        let Some((script, _)) = rest.split_once(SCRIPT_ENDS) else { continue };
        digests.push_str(&format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script))));
    }
    format!(
        "default-src 'none'; script-src{digests}; style-src 'unsafe-inline'; img-src 'self' data:; \
         font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html_of(document: &str) -> String {
        String::from_utf8(DocsPage::new("Log <Sentinel>", document).html.to_vec()).unwrap()
    }

    #[test]
    fn the_page_holds_the_document_it_was_given_and_no_other() {
        let html = html_of("{\"openapi\":\"3.0.0\",\"info\":{}}\n");
        assert!(html.contains("let spec = {\"openapi\":\"3.0.0\",\"info\":{}};\n"));
        assert_eq!(html.matches("let spec = ").count(), 1);
        assert!(html.starts_with("<!doctype html><html"));
        assert!(html.contains("<title>Log &lt;Sentinel></title>"));
    }

    #[test]
    fn a_document_cannot_end_the_script_that_holds_it() {
        let html = html_of(r#"{"a":"</script><script>alert(1)</script><!--"}"#);
        let escaped = r#"{"a":"\u003c/script>\u003cscript>alert(1)\u003c/script>\u003c!--"}"#;
        assert!(html.contains(escaped));
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let html = html_of("{}");
        let head = html.split_once("<style").unwrap().0;
        assert!(!head.contains("http:") && !head.contains("https:"), "{head}");
        for tag in ["<script src", "<link rel=\"stylesheet\""] {
            assert!(!html.contains(tag), "{tag}");
        }
    }

    #[tokio::test]
    async fn the_pages_own_scripts_may_run_and_no_others() {
        let endpoint = DocsPage::new("docs", "{}").into_endpoint();
        let response = endpoint.get_response(poem::Request::default()).await;
        let policy = response.header("Content-Security-Policy").unwrap();
        assert_eq!(policy.matches("'sha256-").count(), 2);
        assert!(!policy.contains("script-src 'unsafe-inline'"));
    }

    #[tokio::test]
    async fn the_document_is_served_as_json() {
        let response = document_endpoint("{}\n".into()).get_response(poem::Request::default()).await;
        assert_eq!(response.content_type(), Some("application/json"));
        assert_eq!(response.into_body().into_string().await.unwrap(), "{}\n");
    }
}
