//! The vocabulary of Log Sentinel: what a log record is, how times and severities are read and written,
//! which records a filter selects, how results are paged, who may ask, and every limit.
//!
//! Pure: no I/O, no async runtime, no SQL, no HTTP. Everything here can be tested with values alone.
//!
//! * [`record`] a stored record and its JSON form, [`batch`] records in columns on their way to a store
//! * [`timestamp`] and [`severity`] the two fields that arrive in many spellings and are stored in one,
//!   [`relative_time`] times that count from now
//! * [`filter`] which records are meant, [`condition`] what has to be true of them, [`text`] which words they hold
//! * [`page`] which slice of them; [`template`] what messages of one kind have in common
//! * [`query`] the text of a search box, read into a condition; [`retention`] rules that say how long logs are kept
//! * [`access`] tenants, scopes and the principal behind a credential, [`users`] people and their roles
//! * [`clock`] where the time comes from, [`limits`] every bound, with its unit

pub mod access;
pub mod batch;
pub mod clock;
pub mod condition;
pub mod filter;
pub mod limits;
pub mod page;
pub mod query;
pub mod record;
pub mod relative_time;
pub mod retention;
pub mod severity;
pub mod template;
pub mod text;
pub mod timestamp;
pub mod users;

pub use access::{Caller, Principal, Scope, ScopeSet, ServiceName, Tenant};
pub use batch::{RecordBatch, RecordRef};
pub use clock::{Clock, SystemClock};
pub use condition::{Clause, Condition, Verdict};
pub use filter::{Filter, TimeRange};
pub use page::{Cursor, Order, Page, PageStart, Position};
pub use record::LogRecord;
pub use retention::{ByteSize, Keep, MaxAge, NewRetentionRule, RetentionRule};
pub use severity::{Severity, SeveritySet};
pub use text::TextMatch;
pub use timestamp::Timestamp;
pub use users::{Role, UserName};
