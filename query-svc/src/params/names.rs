//! The names of query parameters, as the OpenAPI document shows them.

use sentinel_http::{ParameterKind, QueryParameter};

const TIME_NOTE: &str = "2025-04-01T00:00:00Z";

const fn time(name: &'static str, description: &'static str) -> QueryParameter {
    QueryParameter { name, description, kind: ParameterKind::Text, example: TIME_NOTE, repeatable: false }
}

/// The parameters that select records.
pub const FILTER: &[QueryParameter] = &[
    QueryParameter {
        name: "q",
        description: "Only logs that this query selects. Words, \"quoted phrases\", `*parts*` and `pre*fixes` of words and \
                      /regular expressions/ are looked for in the message; `field:value`, `field:>=5`, `field:[1 TO 9]`, \
                      `field:(a OR b)` and `field:*` in a field or an attribute. A space is AND; `OR`, `NOT` or `-`, and \
                      parentheses.",
        kind: ParameterKind::Text,
        example: "timeout level:>=warn -host:web-1",
        repeatable: false,
    },
    QueryParameter {
        name: "query",
        description: "The same as `q`.",
        kind: ParameterKind::Text,
        example: "timeout",
        repeatable: false,
    },
    QueryParameter {
        name: "service",
        description: "Only logs of this service; repeat it, or give a comma list, for several. A comma inside a name is \
                      written `\\,`.",
        kind: ParameterKind::Text,
        example: "payment-service",
        repeatable: true,
    },
    QueryParameter {
        name: "severity",
        description: "Only logs of this severity, in any spelling (WARN, warning, 13); repeat it, or give a comma \
                      list, for several.",
        kind: ParameterKind::Text,
        example: "ERROR",
        repeatable: true,
    },
    QueryParameter {
        name: "level",
        description: "Like `severity`. With both, only logs that both of them select.",
        kind: ParameterKind::Text,
        example: "WARN",
        repeatable: true,
    },
    QueryParameter {
        name: "min_severity",
        description: "Only logs of this severity or a worse one.",
        kind: ParameterKind::Text,
        example: "WARNING",
        repeatable: false,
    },
    time("from", "Only logs that happened at this time or later. Absolute, or relative to now: `now-1h`."),
    time("to", "Only logs that happened before this time. Absolute, or relative to now."),
    time("timestamp_start", "Only logs that happened at this time or later."),
    time("timestamp_end", "Only logs that happened at this time or earlier."),
    time("start_time", "Only logs that happened at this time or later."),
    time("end_time", "Only logs that happened at this time or earlier."),
    QueryParameter {
        name: "time_range",
        description: "Only logs that happened this long before `end_time`, or before now, or later: a number and s, m, \
                      h, d or w.",
        kind: ParameterKind::Text,
        example: "1h",
        repeatable: false,
    },
    QueryParameter {
        name: "days",
        description: "Only logs that happened this many days before now, or later.",
        kind: ParameterKind::Integer { min: 1 },
        example: "7",
        repeatable: false,
    },
    time("received_at_start", "Only logs that arrived at this time or later."),
    time("received_at_end", "Only logs that arrived at this time or earlier."),
    attribute(
        "attr.<name>",
        "Only logs with this value of the attribute `<name>`, in any case: `attr.error_code=E503`. A name with dots is a \
         path into objects, or a name with dots. Repeat it, or give a comma list, for any of several values; several \
         names have to fit all.",
        "E503",
    ),
    attribute("environment", "The same as `attr.environment`.", "production"),
    attribute("status", "The same as `attr.status`.", "FAILED"),
    attribute("category", "The same as `attr.category`.", "payments"),
    attribute("ticket_id", "The same as `attr.ticket_id`.", "TICKET-17"),
];

const fn attribute(name: &'static str, description: &'static str, example: &'static str) -> QueryParameter {
    QueryParameter { name, description, kind: ParameterKind::Text, example, repeatable: true }
}

/// The parameters that the context of a log knows beside [`FILTER`].
pub const CONTEXT: &[QueryParameter] = &[
    side("before", "Most logs to return that happened before it, up to 1000. Missing: 10."),
    side("after", "Most logs to return that happened after it, up to 1000. Missing: 10."),
];

const fn side(name: &'static str, description: &'static str) -> QueryParameter {
    let kind = ParameterKind::Integer { min: 0 };
    QueryParameter { name, description, kind, example: "20", repeatable: false }
}

/// The parameters that `DELETE /logs` knows beside [`FILTER`].
pub const DELETE: &[QueryParameter] = &[
    time(
        "before",
        "Delete logs that happened before this time: the same as `to`. Absolute, or relative: `now-30d`.",
    ),
    dry_run("Only count what would be deleted."),
];

/// The parameters of the audit log.
pub const AUDIT_PAGE: &[QueryParameter] = &[
    QueryParameter {
        name: "limit",
        description: "Most entries to return; more than 1000 is served as 1000. Missing: 100.",
        kind: ParameterKind::Integer { min: 1 },
        example: "50",
        repeatable: false,
    },
    QueryParameter {
        name: "before",
        description: "Where the last page ended: its `next_before`. Only entries with lower ids are returned.",
        kind: ParameterKind::Integer { min: 1 },
        example: "1842",
        repeatable: false,
    },
];

/// The parameter of a new retention rule.
pub const NEW_RULE: &[QueryParameter] =
    &[dry_run("Make no rule; answer with a preview of what it would delete now.")];

const fn dry_run(description: &'static str) -> QueryParameter {
    let kind = ParameterKind::Boolean;
    QueryParameter { name: "dry_run", description, kind, example: "true", repeatable: false }
}

/// The parameters that say which slice is meant. One style at a time: `cursor`, `offset` (= `skip`), or `page`.
pub const PAGING: &[QueryParameter] = &[
    QueryParameter {
        name: "limit",
        description: "Most logs to return; more than 1000 is served as 1000, with a link to the rest.",
        kind: ParameterKind::Integer { min: 1 },
        example: "100",
        repeatable: false,
    },
    QueryParameter {
        name: "cursor",
        description: "Where the last page ended: its `X-Next-Cursor`. Stays right while logs arrive. It belongs to its \
                      question: the filters have to be the same again, in any words.",
        kind: ParameterKind::Text,
        example: "ZAAGMbYi8pAAAAAAAAAABzIABjG2IvKQAAAAAAAAAAkB",
        repeatable: false,
    },
    QueryParameter {
        name: "offset",
        description: "How many logs to skip.",
        kind: ParameterKind::Integer { min: 0 },
        example: "200",
        repeatable: false,
    },
    QueryParameter {
        name: "skip",
        description: "The same as `offset`.",
        kind: ParameterKind::Integer { min: 0 },
        example: "200",
        repeatable: false,
    },
    QueryParameter {
        name: "page",
        description: "Which page, from 1; with `page_size`.",
        kind: ParameterKind::Integer { min: 1 },
        example: "3",
        repeatable: false,
    },
    QueryParameter {
        name: "page_size",
        description: "Most logs of a page; with `page`.",
        kind: ParameterKind::Integer { min: 1 },
        example: "50",
        repeatable: false,
    },
    QueryParameter {
        name: "order",
        description: "`desc`: newest first; `asc`: oldest first.",
        kind: ParameterKind::OneOf(&["desc", "asc"]),
        example: "desc",
        repeatable: false,
    },
];
