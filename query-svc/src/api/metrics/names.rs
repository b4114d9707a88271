//! The names of this group's own query parameters, as the OpenAPI document shows them.

use sentinel_http::{ParameterKind, QueryParameter};

/// The parameters that a time series knows beside the filters.
pub(super) const SERIES: &[QueryParameter] = &[
    QueryParameter {
        name: "interval",
        description: "How long a bucket is: a number and s, m, h, d or w. Missing: 5 minutes. At most 10000 buckets.",
        kind: ParameterKind::Text,
        example: "5m",
        repeatable: false,
    },
    QueryParameter {
        name: "group_by",
        description: "Count every bucket also by this. Of services the 100 most frequent are groups.",
        kind: ParameterKind::OneOf(&["service", "severity", "level"]),
        example: "service",
        repeatable: false,
    },
];

/// The parameter of a service's metrics.
pub(super) const TOP: &[QueryParameter] = &[QueryParameter {
    name: "top",
    description: "Most error messages to list, up to 100. Missing: 10.",
    kind: ParameterKind::Integer { min: 1 },
    example: "10",
    repeatable: false,
}];

/// The parameters of a field's values.
pub(super) const VALUES: &[QueryParameter] = &[
    QueryParameter {
        name: "limit",
        description: "Most values to list, up to 1000. Missing: 10.",
        kind: ParameterKind::Integer { min: 1 },
        example: "10",
        repeatable: false,
    },
    QueryParameter {
        name: "prefix",
        description: "Only values that begin with this, in any case.",
        kind: ParameterKind::Text,
        example: "pay",
        repeatable: false,
    },
];
