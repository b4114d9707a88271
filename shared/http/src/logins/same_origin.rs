//! Whether a page of ours sent a request. A browser adds a cookie to whatever any page makes it send to us; what it says
//! about that page tells the difference. Programs that are no browser say nothing, and send no cookie unasked.

use poem::Request;
use poem::http::header::{HOST, ORIGIN};
use poem::http::{HeaderMap, Method, StatusCode, Uri};

use crate::Problem;

/// What browsers say of the page that a request comes from: only they can set it.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Refuses a request that a page of another origin sent.
///
/// # Errors
/// 403 `cross_site_request`.
pub fn check_same_origin(request: &Request) -> Result<(), Problem> {
    if is_same_origin(request.headers(), request.uri()) {
        return Ok(());
    }
    let detail = "a page of another origin sent this request; it is refused";
    Err(Problem::new(StatusCode::FORBIDDEN, "cross_site_request", detail))
}

/// Says whether a method may change something.
pub(crate) fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_same_origin(headers: &HeaderMap, uri: &Uri) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if sites.peek().is_some() {
        // `none`: the person, not a page.
        return sites.all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    }
    let mut origins = headers.get_all(ORIGIN).iter().peekable();
    if origins.peek().is_none() {
        return true;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.or_else(|| uri.authority().map(poem::http::uri::Authority::as_str)) else {
        return false;
    };
    origins.all(|origin| {
        let host_of_origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        host_of_origin.is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ours(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().header("host", "logs.example:8000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check_same_origin(&request.finish()).is_ok()
    }

    #[test]
    fn only_our_own_pages_and_programs_that_are_no_browser_are_let_in() {
        let ours: [&[(&str, &str)]; 6] = [
            &[],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://elsewhere.example")],
            &[("origin", "http://logs.example:8000")],
            &[("origin", "https://LOGS.example:8000")],
        ];
        let foreign: [&[(&str, &str)]; 9] = [
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://logs.example:8000")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null")],
            &[("origin", "http://logs.example")],
            &[("origin", "http://logs.example:8000.elsewhere.example")],
            &[("origin", "http://logs.example:8000"), ("origin", "http://elsewhere.example")],
        ];
        for headers in ours {
            assert!(is_ours(headers), "{headers:?}");
        }
        for headers in foreign {
            assert!(!is_ours(headers), "{headers:?}");
        }
    }

    #[test]
    fn http_2_names_its_host_in_the_target() {
        let request = Request::builder().uri_str("http://logs.example/logout");
        let request = request.header("origin", "http://logs.example").finish();
        assert!(check_same_origin(&request).is_ok());
    }
}
