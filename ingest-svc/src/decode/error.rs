//! What can be wrong with a body: with one record of it ([`RejectedRecord`]), or with all ([`DecodeError`]).

use std::fmt;

/// The stable codes of faults, as answers carry them.
pub mod codes {
    /// The record is a number, a text, an array or null.
    pub const NOT_AN_OBJECT: &str = "not_an_object";
    /// A field that every record has to have is missing.
    pub const REQUIRED: &str = "required";
    /// A field holds another JSON type than it may.
    pub const WRONG_TYPE: &str = "wrong_type";
    /// `severity` or `level` names no severity.
    pub const UNKNOWN_SEVERITY: &str = "unknown_severity";
    /// `severity` and `level` name different severities.
    pub const CONFLICTING_SEVERITY: &str = "conflicting_severity";
    /// `timestamp` does not read as a time.
    pub const INVALID_TIMESTAMP: &str = "invalid_timestamp";
    /// `timestamp` is a time that cannot be stored.
    pub const TIMESTAMP_OUT_OF_RANGE: &str = "timestamp_out_of_range";
    /// A text holds half of a surrogate pair, or bytes that are no UTF-8, and so is no Unicode.
    pub const INVALID_TEXT: &str = "invalid_text";
    /// A text is longer than its limit.
    pub const TOO_LONG: &str = "too_long";
    /// There are more attributes than the limit.
    pub const TOO_MANY_ATTRIBUTES: &str = "too_many_attributes";
    /// Attributes are nested deeper than the limit.
    pub const TOO_DEEP: &str = "too_deep";
    /// `service` cannot be a service's name.
    pub const INVALID_SERVICE: &str = "invalid_service";
    /// The key may send logs of another service only.
    pub const SERVICE_MISMATCH: &str = "service_mismatch";
    /// One name stands for two values.
    pub const DUPLICATE_FIELD: &str = "duplicate_field";
    /// The text of the record is not valid JSON.
    pub const MALFORMED: &str = "malformed";
    /// A bulk action is not one that stores a document.
    pub const UNSUPPORTED_ACTION: &str = "unsupported_action";
    /// A bulk action names no index, and its request none either.
    pub const NO_INDEX: &str = "no_index";
    /// The document's `_id` cannot be one.
    pub const INVALID_ID: &str = "invalid_id";
}

/// A record that was refused while the others of its request went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRecord {
    /// Its place in the request, from 0.
    pub index: usize,
    /// The field at fault, if it is one; `attributes.<name>` for an attribute.
    pub field: Option<String>,
    /// One of [`codes`].
    pub code: &'static str,
    /// A sentence for a person, naming the limit or what was expected.
    pub detail: String,
}

/// Why a body holds no records at all. The client has to change the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// The body cannot be taken apart into records.
    Malformed {
        /// The record in which, or right after which, the fault lies, if the fault lies among records.
        index: Option<usize>,
        /// The field in whose value it lies, if it is known.
        field: Option<String>,
        /// A sentence with the position and what was expected.
        detail: String,
    },
    /// The body holds more records than one request may.
    TooManyRecords {
        /// The most records of one request.
        limit: usize,
    },
    /// The records have more bytes of messages and attributes than those of one request may.
    TooLarge {
        /// The most bytes of all records of one request.
        limit_bytes: usize,
    },
}

/// A fault of one record, before its index is attached.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) field: Option<String>,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

// === impl DecodeError ===

impl DecodeError {
    /// Makes the error of a body that is broken outside of any record.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::Malformed { index: None, field: None, detail: detail.into() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { detail, .. } => f.write_str(detail),
            Self::TooManyRecords { limit } => {
                write!(f, "a request holds at most {limit} records: send the rest in further requests")
            }
            Self::TooLarge { limit_bytes } => write!(
                f,
                "the records of a request have at most {limit_bytes} bytes of messages and attributes, where what is said \
                 once for many records counts in each of them: send the rest in further requests"
            ),
        }
    }
}

impl std::error::Error for DecodeError {}

// === impl Fault ===

impl Fault {
    /// Makes the fault of a field.
    #[cold]
    pub(super) fn of(field: &str, code: &'static str, detail: String) -> Self {
        Self { field: Some(shortened(field)), code, detail }
    }

    /// Makes the fault of an element that is no object.
    #[cold]
    pub(super) fn not_an_object(sort: &str) -> Self {
        let detail = format!("a record has to be a JSON object, not {sort}");
        Self { field: None, code: codes::NOT_AN_OBJECT, detail }
    }

    /// Attaches the index.
    pub(super) fn at(self, index: usize) -> RejectedRecord {
        RejectedRecord { index, field: self.field, code: self.code, detail: self.detail }
    }
}

/// Returns `text` as an answer repeats it: whole, or its beginning if a client sent something huge.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN_MAX_BYTES: usize = 64;

    if text.len() <= SHOWN_MAX_BYTES {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(SHOWN_MAX_BYTES)])
}
