//! Bodies that are streams, each as the document describes it.

use poem::{Body, IntoResponse, Response};
use poem_openapi::ResponseContent;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

macro_rules! stream_payloads {
    ($($name:ident, $content_type:literal, $schema:path: $doc:literal;)*) => {$(
        #[doc = $doc]
        pub(super) struct $name(pub(super) Body);

        impl Payload for $name {
            const CONTENT_TYPE: &'static str = $content_type;

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema()))
            }
        }

        impl IntoResponse for $name {
            fn into_response(self) -> Response {
                Response::builder().content_type($content_type).body(self.0)
            }
        }
    )*};
}

stream_payloads! {
    Events, "text/event-stream", event_schema: "Server-sent events.";
    Csv, "text/csv; charset=utf-8", text_schema: "Lines of cells.";
    Ndjson, "application/x-ndjson", text_schema: "Lines of JSON.";
}

fn text_schema() -> MetaSchema {
    MetaSchema::new("string")
}

/// Describes one event of a stream, which is how documents speak of streams.
fn event_schema() -> MetaSchema {
    let text = |description| {
        let schema = MetaSchema { description: Some(description), ..text_schema() };
        MetaSchemaRef::Inline(Box::new(schema))
    };
    let properties = vec![
        ("id", text("The id of the log; where to go on behind.")),
        ("event", text("`log`, or `gap` where logs were left out.")),
        ("data", text("The log, as JSON; or how many were left out.")),
    ];
    MetaSchema { properties, ..MetaSchema::new("object") }
}

/// A file in either format.
#[derive(ResponseContent)]
pub(super) enum ExportContent {
    /// Lines of cells.
    Csv(Csv),
    /// Lines of JSON.
    Ndjson(Ndjson),
}
