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
        if self.cursor.is_some_and(|cursor| cursor.question != sealed(digest, &cursor)) {
            let reason = "it was changed, or belongs to another query: ask with the same filters and the same key as for the page \
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
        let cursor = Cursor { order: self.page.order, position, now: self.now, question: 0 };
        Cursor { question: sealed(self.digest, &cursor), ..cursor }.encode()
    }
}

/// A 400: this cursor leads nowhere.
pub(super) fn invalid_cursor(reason: impl std::fmt::Display) -> Problem {
    Problem::bad_request("invalid_cursor", format!("parameter cursor: {reason}"))
}

/// Returns what a cursor says of its question: a digest of the question's own and of everything else that the cursor says,
/// so that a cursor that was changed leads nowhere rather than somewhere else.
fn sealed(digest: u64, cursor: &Cursor) -> u64 {
    let Cursor { order, position, now, question: _ } = cursor;
    let text =
        format!("{digest} {order:?} {} {} {}", position.timestamp.as_micros(), position.id, now.as_micros());
    XxHash3_64::oneshot(text.as_bytes())
}

/// Returns the digest of a question. It is the same in every process of one version, for the text of a filter has
/// nothing in it that differs between them; a version that writes filters differently ends walks with a 400.
fn digest_of(tenant: &Tenant, filter: &Filter) -> u64 {
    XxHash3_64::oneshot(format!("{tenant}\n{filter:?}").as_bytes())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use domain::Order;

    use super::*;

    #[test]
    fn a_cursor_with_any_bit_changed_leads_nowhere() {
        let tenant = Tenant::parse("a").unwrap();
        let page = Page { order: Order::Ascending, ..Page::default() };
        let now = Timestamp::saturating_from_micros(1_743_508_800_000_000);
        let question = Paging { page, cursor: None, now }.of(&tenant, Filter::default()).unwrap();
        let position = Position { timestamp: now, id: 1842 };
        let text = question.cursor_behind(position);
        let goes_on = |text: &str| {
            let cursor = Cursor::decode(text).ok()?;
            Paging { page, cursor: Some(cursor), now: cursor.now }.of(&tenant, Filter::default()).ok()
        };

        assert!(goes_on(&text).is_some());
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(goes_on(&URL_SAFE_NO_PAD.encode(changed)).is_none(), "bit {bit}");
        }
    }
}
