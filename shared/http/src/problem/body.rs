//! The members of a problem, and their description for OpenAPI documents.

use poem_openapi::Object;
use poem_openapi::registry::{MetaMediaType, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::Serialize;
use serde_json::json;

use super::PROBLEM_CONTENT_TYPE;

/// What is wrong with one record of a request; also in the answer to a request that was accepted in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
#[oai(read_only_all)]
pub struct RecordError {
    /// Which record, counted from 0.
    pub index: usize,
    /// Which field, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    pub field: Option<String>,
    /// The kind of error, for programs.
    pub code: &'static str,
    /// What is wrong, for people.
    pub detail: String,
}

/// The members of a problem, in their order.
#[derive(Debug, Serialize)]
pub struct ProblemBody<'a> {
    #[serde(rename = "type")]
    pub(super) problem_type: &'static str,
    pub(super) title: &'static str,
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) detail: &'a str,
    pub(super) error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) errors: &'a [RecordError],
}

impl ProblemBody<'_> {
    /// The schema's name.
    const SCHEMA: &'static str = "Problem";

    /// Adds the schema to a document.
    pub(crate) fn register(registry: &mut Registry) {
        RecordError::register(registry);
        registry.create_schema::<ProblemBody<'static>, _>(Self::SCHEMA.to_owned(), |_| Self::schema());
    }

    /// Returns the content of every response that is a problem.
    pub(crate) fn media_type() -> MetaMediaType {
        let schema = MetaSchemaRef::Reference(Self::SCHEMA.to_owned());
        MetaMediaType { content_type: PROBLEM_CONTENT_TYPE, schema }
    }

    fn schema() -> MetaSchema {
        let text = |description| MetaSchema { description: Some(description), ..MetaSchema::new("string") };
        let status = MetaSchema {
            description: Some("The HTTP status."),
            example: Some(json!(400)),
            ..MetaSchema::new_with_format("integer", "int32")
        };
        let errors = MetaSchema {
            description: Some("What is wrong with single records, if it is about records; the first few."),
            items: Some(Box::new(RecordError::schema_ref())),
            ..MetaSchema::new("array")
        };
        let properties = [
            ("type", text("Always about:blank; `code` tells the kinds apart.")),
            ("title", text("The short text.")),
            ("status", status),
            ("code", text("The kind of error, for programs; does not change.")),
            ("detail", text("What is wrong, for people.")),
            ("error", text("The short text again, for clients of older systems.")),
            ("request_id", text("The request's id, as in the header X-Request-Id.")),
            ("errors", errors),
        ];
        MetaSchema {
            description: Some("An error, as RFC 9457 describes it."),
            required: vec!["type", "title", "status", "code", "detail", "error", "request_id"],
            properties: properties
                .map(|(name, schema)| (name, MetaSchemaRef::Inline(Box::new(schema))))
                .into(),
            ..MetaSchema::new("object")
        }
    }
}
