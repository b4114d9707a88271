//! The page behind the set-up link. The token stands in the part of the link that browsers send nowhere; the page's
//! script reads it, takes it out of the address, and posts it.

use poem_openapi::ApiResponse;
use poem_openapi::payload::{Html, PlainText};

/// What the page may load and do: its own script and style, and requests to where it came from.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                           form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

const PAGE: &str = include_str!("../../page/setup.html");
const SCRIPT: &str = include_str!("../../page/setup.js");
const STYLE: &str = include_str!("../../page/setup.css");

/// The page.
#[derive(ApiResponse)]
pub(super) enum SetUpPage {
    /// The page.
    #[oai(status = 200)]
    Page(
        Html<String>,
        /// What the page may load and do.
        #[oai(header = "Content-Security-Policy")]
        String,
    ),
}

/// The page's script.
#[derive(ApiResponse)]
pub(super) enum ScriptAnswer {
    /// The script.
    #[oai(status = 200, content_type = "text/javascript; charset=utf-8")]
    Script(PlainText<String>),
}

/// The page's style.
#[derive(ApiResponse)]
pub(super) enum StyleAnswer {
    /// The style.
    #[oai(status = 200, content_type = "text/css; charset=utf-8")]
    Style(PlainText<String>),
}

impl SetUpPage {
    pub(super) fn new() -> Self {
        Self::Page(Html(PAGE.to_owned()), PAGE_POLICY.to_owned())
    }
}

impl ScriptAnswer {
    pub(super) fn new() -> Self {
        Self::Script(PlainText(SCRIPT.to_owned()))
    }
}

impl StyleAnswer {
    pub(super) fn new() -> Self {
        Self::Style(PlainText(STYLE.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_nothing_that_its_policy_forbids() {
        for forbidden in ["<style", "style=", " onclick", " onsubmit", "javascript:", "http://", "https://"] {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
        assert_eq!(PAGE.matches("<script").count(), 1);
        for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!SCRIPT.contains(forbidden), "{forbidden}");
        }
    }
}
