//! Scopes, declared: every operation either asks for a scope, with [`Authorized`](crate::Authorized) as a parameter, or is
//! one of the open ones. An API with an operation that does neither is refused when its service starts.
//!
//! A parameter says to poem-openapi only which security schemes it takes. So `Authorized` adds one that is none, the mark
//! `scope:read`, by which a declaration is known; [`finish_document`](super::finish_document) turns it into a sentence.

use domain::Scope;
use poem_openapi::OpenApi;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::system_api::OPEN_OPERATIONS;

/// How every mark begins.
const MARK: &str = "scope:";

/// Operations of which nobody said who may do them. A mistake of the program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("operations that declare no scope and are not among the open ones: {}", .0.join(", "))]
pub struct UndeclaredScopes(pub Vec<String>);

/// Checks that every operation of an API declares a scope, or is one of [`OPEN_OPERATIONS`].
///
/// # Errors
/// [`UndeclaredScopes`] with the operations that do not.
pub fn check_scopes<A: OpenApi>() -> Result<(), UndeclaredScopes> {
    let mut undeclared = Vec::new();
    for path in A::meta().into_iter().flat_map(|api| api.paths) {
        for operation in path.operations {
            let is_open = operation.operation_id.is_some_and(|id| OPEN_OPERATIONS.contains(&id));
            let marks = operation.security.iter().flat_map(|scheme| scheme.keys());
            let is_declared = marks.into_iter().any(|name| name.starts_with(MARK));
            if !is_open && !is_declared {
                let name = operation.operation_id.unwrap_or("without an id");
                undeclared.push(format!("{name} ({} {})", operation.method, path.path));
            }
        }
    }
    if undeclared.is_empty() { Ok(()) } else { Err(UndeclaredScopes(undeclared)) }
}

/// The mark of an operation that asks who somebody is, and for no scope.
pub(crate) const ANY_SCOPE: &str = "scope:any";

/// Returns the mark of a scope.
pub(crate) fn mark_of(scope: Scope) -> &'static str {
    match scope {
        Scope::Ingest => "scope:ingest",
        Scope::Read => "scope:read",
        Scope::Delete => "scope:delete",
        Scope::Alerts => "scope:alerts",
        Scope::Admin => "scope:admin",
    }
}

/// Takes the marks out of a document, and says in the descriptions what they meant.
pub(super) fn describe_scopes(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut);
    for operation in operations.flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        let Some(Value::Array(schemes)) = operation.get_mut("security") else { continue };
        let mark = |scheme: &Value| {
            let name = scheme.as_object()?.keys().find_map(|name| name.strip_prefix(MARK))?;
            let sentence = match name {
                "any" => "Requires a credential, whatever its scopes.".to_owned(),
                scope => format!("Requires the scope `{scope}`."),
            };
            Some(sentence)
        };
        let sentences: Vec<String> = schemes.iter().filter_map(mark).collect();
        schemes.retain(|scheme| mark(scheme).is_none());
        let described = operation.get("description").and_then(Value::as_str).map(str::to_owned);
        let parts: Vec<String> = described.into_iter().chain(sentences).collect();
        if !parts.is_empty() {
            operation.insert("description".to_owned(), Value::String(parts.join("\n\n")));
        }
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::payload::PlainText;
    use poem_openapi::{OpenApi, OpenApiService};
    use serde_json::json;

    use super::super::{Documented, Notes, OperationNotes, finish_document};
    use super::*;
    use crate::{Authorized, Delete, Read};

    struct Declared;

    #[OpenApi]
    impl Declared {
        /// Read
        ///
        /// Reads.
        #[oai(path = "/declared", method = "get", operation_id = "declared")]
        async fn declared(&self, _caller: Authorized<Read>) -> PlainText<String> {
            PlainText(String::new())
        }

        #[oai(path = "/declared", method = "delete", operation_id = "alsoDeclared")]
        async fn also_declared(&self, _caller: Authorized<Delete>) -> PlainText<String> {
            PlainText(String::new())
        }

        #[oai(path = "/livez", method = "get", operation_id = "livez")]
        async fn open(&self) -> PlainText<String> {
            PlainText(String::new())
        }
    }

    struct Forgetful;

    #[OpenApi]
    impl Forgetful {
        #[oai(path = "/forgotten", method = "get", operation_id = "forgotten")]
        async fn forgotten(&self) -> PlainText<String> {
            PlainText(String::new())
        }

        #[oai(path = "/nameless", method = "post")]
        async fn nameless(&self) -> PlainText<String> {
            PlainText(String::new())
        }
    }

    struct NoNotes;

    impl Notes for NoNotes {
        const OPERATIONS: &'static [&'static [OperationNotes]] = &[];
    }

    #[test]
    fn an_api_whose_operations_declare_scopes_or_are_open_is_taken() {
        assert_eq!(check_scopes::<Declared>(), Ok(()));
        assert_eq!(check_scopes::<Documented<Declared, NoNotes>>(), Ok(()));
    }

    #[test]
    fn an_api_with_an_operation_that_declares_nothing_is_refused_by_its_name() {
        let expected = Err(UndeclaredScopes(vec![
            "forgotten (GET /forgotten)".to_owned(),
            "without an id (POST /nameless)".to_owned(),
        ]));
        assert_eq!(check_scopes::<(Declared, Forgetful)>(), expected);
        assert_eq!(check_scopes::<Documented<(Forgetful, Declared), NoNotes>>(), expected);
    }

    #[test]
    fn a_document_says_the_scope_and_shows_no_mark() {
        let service = OpenApiService::new(Documented::<_, NoNotes>::new(Declared), "test", "1");
        let finished = finish_document(&service.spec()).unwrap();
        let document: Value = serde_json::from_str(&finished).unwrap();
        let of_path = &document["paths"]["/declared"];
        assert_eq!(of_path["get"]["description"], "Reads.\n\nRequires the scope `read`.");
        assert_eq!(of_path["delete"]["description"], "Requires the scope `delete`.");
        let names = ["TokenKey", "BearerKey", "HeaderKey", "BasicKey", "SessionCookie"];
        let alternatives = names.map(|name| json!({name: []}));
        assert_eq!(of_path["get"]["security"], json!(alternatives));
        assert_eq!(document["paths"]["/livez"]["get"]["description"], Value::Null);
        assert!(!finished.contains(MARK), "{finished}");
        assert_eq!(finish_document(&finished).unwrap(), finished);
    }
}
