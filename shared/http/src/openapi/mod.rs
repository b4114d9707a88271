//! OpenAPI documents: what poem-openapi generates, completed.
//!
//! * [`notes`] what it cannot know: query parameters that a handler reads by itself, and problems
//! * [`declared`] which operations ask for which scope
//! * [`documented`] adds the notes to an API
//! * [`finish`] cleans a generated document so that validators and client generators take it
//! * [`merge`] makes the documents of two services that share one origin one document
//! * `writer` writes JSON in a stable order

pub mod declared;
pub mod documented;
pub mod finish;
pub mod merge;
pub mod notes;
mod writer;

pub use self::declared::{UndeclaredScopes, check_scopes};
pub use self::documented::Documented;
pub use self::finish::{DocumentError, finish_document};
pub use self::merge::merge_documents;
pub use self::notes::{
    Notes, OperationNotes, ParameterKind, ProblemNote, QueryParameter, retry_after_header,
};
