//! JSON that is text already. poem-openapi's own `Json` builds a tree of every answer before it writes it;
//! this one takes what serde wrote, and only describes it to the OpenAPI document.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use poem::http::header::CONTENT_TYPE;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::Serialize;

use crate::Problem;

/// The text of a `T` in JSON, which documents describe as a `T`.
pub struct JsonText<T> {
    text: Bytes,
    described: PhantomData<fn() -> T>,
}

impl<T> JsonText<T> {
    /// Writes `value`, which has to look like a `T`, such as a `T` with borrowed parts.
    ///
    /// # Errors
    /// 500 when the value cannot become JSON, such as a map whose keys are no texts.
    pub fn from_serialize(value: &(impl Serialize + ?Sized)) -> Result<Self, Problem> {
        serde_json::to_vec(value).map(Self::from_text).map_err(Problem::internal)
    }

    /// Takes a text, which has to be the JSON of something like a `T`.
    pub fn from_text(text: impl Into<Bytes>) -> Self {
        Self { text: text.into(), described: PhantomData }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

impl<T> Clone for JsonText<T> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), described: PhantomData }
    }
}

impl<T> fmt::Debug for JsonText<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonText").field(&self.text).finish()
    }
}

impl<T: Type> Payload for JsonText<T> {
    // As poem-openapi's own Json has it, so that a document does not mix two names for one thing.
    const CONTENT_TYPE: &'static str = "application/json; charset=utf-8";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Send> IntoResponse for JsonText<T> {
    fn into_response(self) -> Response {
        Response::builder().header(CONTENT_TYPE, "application/json; charset=utf-8").body(self.text)
    }
}

impl<T: Type> ApiResponse for JsonText<T> {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: Self::CONTENT_TYPE, schema: Self::schema_ref() }];
        let response =
            MetaResponse { description: "", status: Some(200), status_range: None, content, headers: vec![] };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use poem_openapi::Object;
    use serde_json::json;

    use super::*;

    #[derive(Object)]
    struct Counted {
        /// How many.
        total: u64,
    }

    #[tokio::test]
    async fn the_text_is_sent_as_it_is() {
        let answer = JsonText::<Counted>::from_serialize(&json!({"total": 3})).unwrap().into_response();
        assert_eq!(answer.content_type(), Some("application/json; charset=utf-8"));
        assert_eq!(answer.into_body().into_string().await.unwrap(), r#"{"total":3}"#);
    }

    #[test]
    fn it_is_described_as_what_it_stands_for() {
        let meta = <JsonText<Counted> as ApiResponse>::meta();
        assert_eq!(meta.responses[0].content[0].schema, MetaSchemaRef::Reference("Counted".into()));
        let _ = Counted { total: 0 }.total;
    }

    #[test]
    fn what_cannot_be_json_is_our_mistake() {
        let odd = HashMap::from([(vec![1_u8], 1)]);
        assert_eq!(JsonText::<Counted>::from_serialize(&odd).unwrap_err().status().as_u16(), 500);
    }
}
