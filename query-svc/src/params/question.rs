//! One page of one question, and the cursor that leads to the next page of the same one.
//!
//! A cursor says where the last page ended, in which order, which `now` relative times counted from on the first page,
//! and which question it belongs to: a digest of the tenant and the filter. So the pages of a walk are of one question,
//! whatever clock and whichever process answers, and a cursor is refused where it would skip rows of another question.
//! The limit is none of this: it may change from page to page.

use domain::{Cursor, Filter, Page, Position, Tenant, Timestamp};
use sentinel_http::Problem;
use twox_hash::XxHash3_64;

/// Which slice is meant, before it is known of what.
#[derive(Debug)]
pub struct Paging {
    pub(super) page: Page,
    pub(super) cursor: Option<Cursor>,
    pub(super) now: Timestamp,
}

/// One page of a question.
#[derive(Debug)]
pub struct Question {
    /// Which records are asked for.
    pub filter: Filter,
    /// Which slice of them.
    pub page: Page,
    now: Timestamp,
    digest: u64,
}

// === impl Paging ===

impl Paging {
    /// Returns what relative times count from: the time of the first page.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Says what the slice is of.
    ///
    /// # Errors
    /// A 400 when the cursor belongs to another question.
    pub fn of(self, tenant: &Tenant, filter: Filter) -> Result<Question, Problem> {
        let digest = digest_of(tenant, &filter);
        if self.cursor.is_some_and(|cursor| cursor.question != digest) {
            let reason = "it belongs to another query: ask with the same filters and the same key as for the page \
                          before, or begin without a cursor";
            return Err(invalid_cursor(reason));
        }
        Ok(Question { filter, page: self.page, now: self.now, digest })
    }
}

// === impl Question ===

impl Question {
    /// Returns the cursor of the page that starts behind `position`.
    #[must_use]
    pub fn cursor_behind(&self, position: Position) -> String {
        Cursor { order: self.page.order, position, now: self.now, question: self.digest }.encode()
    }
}

/// A 400: this cursor leads nowhere.
pub(super) fn invalid_cursor(reason: impl std::fmt::Display) -> Problem {
    Problem::bad_request("invalid_cursor", format!("parameter cursor: {reason}"))
}

/// Returns the digest of a question. It is the same in every process of one version, for the text of a filter has
/// nothing in it that differs between them; a version that writes filters differently ends walks with a 400.
fn digest_of(tenant: &Tenant, filter: &Filter) -> u64 {
    XxHash3_64::oneshot(format!("{tenant}\n{filter:?}").as_bytes())
}
