//! What an API's author adds to its document, as tables.

use poem_openapi::ParameterStyle;
use poem_openapi::registry::{
    MetaHeader, MetaOperationParam, MetaParamIn, MetaResponse, MetaSchema, MetaSchemaRef,
};
use serde_json::json;

use crate::problem::ProblemBody;

/// The notes on an API.
pub trait Notes: Send + Sync + 'static {
    /// Problems that every operation may answer with.
    const EVERYWHERE: &'static [ProblemNote] = &STANDARD_EVERYWHERE;
    /// Problems of operations that take anything: parameters, a body or a key.
    const WITH_INPUT: &'static [ProblemNote] = &STANDARD_WITH_INPUT;
    /// Problems of operations that ask for a key.
    const WITH_KEY: &'static [ProblemNote] = &STANDARD_WITH_KEY;
    /// Problems of operations that take a body.
    const WITH_BODY: &'static [ProblemNote] = &STANDARD_WITH_BODY;
    /// What is to be said of single operations: a table for each group of them.
    const OPERATIONS: &'static [&'static [OperationNotes]];
}

/// What is to be said of some operations, beside what is true of many.
#[derive(Debug, Clone, Copy)]
pub struct OperationNotes {
    /// The operations' ids.
    pub operations: &'static [&'static str],
    /// Query parameters, in tables that operations may share.
    pub query: &'static [&'static [QueryParameter]],
    /// Problems.
    pub problems: &'static [ProblemNote],
}

/// A query parameter.
#[derive(Debug, Clone, Copy)]
pub struct QueryParameter {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// What its values look like.
    pub kind: ParameterKind,
    /// One of them, as it stands in a URL; empty: no example.
    pub example: &'static str,
    /// Whether it may be given several times.
    pub repeatable: bool,
}

/// What the values of a parameter look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// An integer from `min` on.
    Integer {
        /// The least value.
        min: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// One of some words.
    OneOf(&'static [&'static str]),
}

/// A problem that an operation may answer with.
#[derive(Debug, Clone, Copy)]
pub struct ProblemNote {
    /// The status.
    pub status: u16,
    /// When it happens.
    pub description: &'static str,
}

/// What every operation may answer with.
pub const STANDARD_EVERYWHERE: [ProblemNote; 1] =
    [ProblemNote { status: 500, description: "A mistake of the service." }];

/// What operations that take anything may answer with.
pub const STANDARD_WITH_INPUT: [ProblemNote; 1] =
    [ProblemNote { status: 400, description: "The request cannot be understood." }];

/// What operations that ask for a key may answer with.
pub const STANDARD_WITH_KEY: [ProblemNote; 4] = [
    ProblemNote { status: 401, description: "No credential, or none that works." },
    ProblemNote {
        status: 403,
        description: "The caller lacks the scope, or a page of another origin sent a session's cookie along.",
    },
    ProblemNote { status: 429, description: "Too many wrong credentials came from this address." },
    ProblemNote { status: 503, description: "Not at the moment; `Retry-After` says when to try again." },
];

/// What operations that take a body may answer with.
pub const STANDARD_WITH_BODY: [ProblemNote; 3] = [
    ProblemNote { status: 408, description: "The body came too slowly." },
    ProblemNote { status: 413, description: "The body is too large; the limit is stated." },
    ProblemNote {
        status: 415,
        description: "The body's type or encoding is not supported; what is, is listed.",
    },
];

/// Statuses that come with `Retry-After`.
const WITH_RETRY_AFTER: [u16; 3] = [429, 503, 507];

impl QueryParameter {
    pub(super) fn to_meta(self) -> MetaOperationParam {
        let value = self.kind.to_schema();
        let schema = if self.repeatable {
            MetaSchema { items: Some(Box::new(inline(value))), ..MetaSchema::new("array") }
        } else {
            value
        };
        MetaOperationParam {
            name: self.name.to_owned(),
            schema: inline(schema),
            in_type: MetaParamIn::Query,
            description: Some(self.full_description()),
            required: false,
            deprecated: false,
            explode: true,
            style: self.repeatable.then_some(ParameterStyle::Form),
        }
    }

    /// Returns what it does, with the example. As a member of its own, Swagger UI would fill it in: everybody
    /// who only wants to try an operation would send all examples at once.
    fn full_description(self) -> String {
        match self.example {
            "" => self.description.to_owned(),
            example => format!("{} Example: `{example}`.", self.description),
        }
    }
}

impl ParameterKind {
    fn to_schema(self) -> MetaSchema {
        match self {
            Self::Text => MetaSchema::new("string"),
            Self::Boolean => MetaSchema::new("boolean"),
            #[expect(
                clippy::cast_precision_loss,
                reason = "the least value of a parameter is a small number"
            )]
            Self::Integer { min } => MetaSchema { minimum: Some(min as f64), ..MetaSchema::new("integer") },
            Self::OneOf(words) => MetaSchema {
                enum_items: words.iter().map(|word| json!(word)).collect(),
                ..MetaSchema::new("string")
            },
        }
    }
}

impl ProblemNote {
    pub(super) fn to_meta(self) -> MetaResponse {
        let retry_after = WITH_RETRY_AFTER.contains(&self.status).then(retry_after_header);
        MetaResponse {
            description: self.description,
            status: Some(self.status),
            status_range: None,
            content: vec![ProblemBody::media_type()],
            headers: retry_after.into_iter().collect(),
        }
    }
}

/// Returns the description of `Retry-After`, for responses that an operation describes itself.
#[must_use]
pub fn retry_after_header() -> MetaHeader {
    MetaHeader {
        name: "Retry-After".to_owned(),
        description: Some("After how many seconds to try again.".to_owned()),
        required: false,
        deprecated: false,
        schema: inline(MetaSchema::new("integer")),
    }
}

fn inline(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(schema))
}
