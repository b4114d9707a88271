//! Bodies that are streams, each as the document describes it.

use poem::{Body, IntoResponse, Response};
use poem_openapi::ResponseContent;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

macro_rules! stream_payloads {
    ($($name:ident, $content_type:literal: $doc:literal;)*) => {$(
        #[doc = $doc]
        pub(super) struct $name(pub(super) Body);

        impl Payload for $name {
            const CONTENT_TYPE: &'static str = $content_type;

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
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
    Events, "text/event-stream": "Server-sent events.";
    Csv, "text/csv; charset=utf-8": "Lines of cells.";
    Ndjson, "application/x-ndjson": "Lines of JSON.";
}

/// A file in either format.
#[derive(ResponseContent)]
pub(super) enum ExportContent {
    /// Lines of cells.
    Csv(Csv),
    /// Lines of JSON.
    Ndjson(Ndjson),
}
