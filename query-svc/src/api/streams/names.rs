//! The names of query parameters that only streams know.

use sentinel_http::{ParameterKind, QueryParameter};

/// The parameter of a tail.
pub(super) const TAIL: &[QueryParameter] = &[QueryParameter {
    name: "last_event_id",
    description: "Send logs with a larger id: the id of the last event that was seen. The header `Last-Event-ID`, which \
                  browsers send by themselves, means the same and goes first.",
    kind: ParameterKind::Integer { min: 0 },
    example: "1842",
    repeatable: false,
}];

/// The parameter of an export.
pub(super) const EXPORT: &[QueryParameter] = &[QueryParameter {
    name: "format",
    description: "`csv`: a line for each log, with all columns; `ndjson`: a log's JSON a line. Missing: csv.",
    kind: ParameterKind::OneOf(&["csv", "ndjson"]),
    example: "ndjson",
    repeatable: false,
}];
