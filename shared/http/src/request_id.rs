//! Request ids, and what else is known of the request that is being answered.
//!
//! The outer guard puts a `RequestContext` around every request, so that whatever answers it, however deep
//! inside, finds the same id, and the language for the one sentence that has two.

use std::fmt;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use domain::Principal;
use poem::http::header::ACCEPT_LANGUAGE;
use poem::http::{HeaderMap, HeaderName};

/// The header that carries a request's id, in and out.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Most bytes of an id that a client sends; a longer one is replaced.
const ID_MAX_BYTES: usize = 128;

/// Random bytes of an id that we make.
const RANDOM_BYTES: usize = 16;

/// Names one request, in its answer and in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

/// The languages of the sentence that asks for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, also for every language that is not offered.
    English,
    /// Spanish.
    Spanish,
}

/// What the parts that answer a request know of it.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    pub(crate) id: RequestId,
    pub(crate) language: Language,
    /// Whom it comes from, once that is known.
    pub(crate) principal: Arc<OnceLock<Principal>>,
}

tokio::task_local! {
    static CONTEXT: RequestContext;
}

impl RequestId {
    /// Reads an id that a client sent: 1 to 128 visible ASCII characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_visible = |b: u8| b.is_ascii_graphic();
        let is_valid = !text.is_empty() && text.len() <= ID_MAX_BYTES && text.bytes().all(is_visible);
        is_valid.then(|| Self(text.into()))
    }

    /// Makes a new random id.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0_u8; RANDOM_BYTES];
        getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
        let mut text = String::with_capacity(2 * RANDOM_BYTES);
        for byte in bytes {
            write!(text, "{byte:02x}").expect("a string takes every text");
        }
        Self(text.into())
    }

    /// Returns the id that the client sent, or else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
        sent.and_then(Self::parse).unwrap_or_else(Self::random)
    }

    /// Returns the id of the request that is being answered here, if one is.
    #[must_use]
    pub fn current() -> Option<Self> {
        RequestContext::current(|context| context.id.clone())
    }

    /// Returns the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Language {
    /// Returns the one that the client likes best, as its `Accept-Language` says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (mut english, mut spanish) = (0.0_f32, 0.0_f32);
        for range in sent.split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let weight =
                weight.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok()).unwrap_or(0.0);
            match tag.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
                Some("es") => spanish = spanish.max(weight),
                Some("en") => english = english.max(weight),
                _ => {}
            }
        }
        if spanish > english { Self::Spanish } else { Self::English }
    }
}

impl RequestContext {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self { id: RequestId::of(headers), language: Language::of(headers), principal: Arc::default() }
    }

    /// Runs `answer` with this context around it.
    pub(crate) async fn scope<F: Future>(self, answer: F) -> F::Output {
        CONTEXT.scope(self, answer).await
    }

    /// Returns what `read` finds in the context, unless there is none.
    pub(crate) fn current<T>(read: impl FnOnce(&Self) -> T) -> Option<T> {
        CONTEXT.try_with(read).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(accept: &'static str) -> Language {
        Language::of(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, accept.parse().unwrap())]))
    }

    #[test]
    fn ids_are_short_and_visible() {
        assert_eq!(RequestId::parse("a-1/b=").as_ref().map(RequestId::as_str), Some("a-1/b="));
        for text in ["", "a b", "a\tb", "ä", &"x".repeat(129)] {
            assert_eq!(RequestId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn random_ids_differ_and_are_valid() {
        let (first, second) = (RequestId::random(), RequestId::random());
        assert_ne!(first, second);
        assert_eq!(RequestId::parse(first.as_str()), Some(first));
    }

    #[test]
    fn spanish_is_spoken_to_who_prefers_it() {
        for accept in ["es", "es-AR", "ES", "es;q=0.9", "de, es;q=0.5", "en;q=0.3, es-AR;q=0.8"] {
            assert_eq!(language(accept), Language::Spanish, "{accept}");
        }
        for accept in ["", "*", "en", "de", "en, es", "es;q=0", "es;q=x", "en-GB, es;q=0.9", "é"] {
            assert_eq!(language(accept), Language::English, "{accept}");
        }
    }

    #[tokio::test]
    async fn the_context_is_found_inside_and_nowhere_else() {
        let context = RequestContext::of(&HeaderMap::new());
        let id = context.id.clone();
        assert_eq!(context.scope(async { RequestId::current() }).await, Some(id));
        assert_eq!(RequestId::current(), None);
    }
}
