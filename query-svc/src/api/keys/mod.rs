//! API keys of a tenant: the page of routes.

mod create_key;
mod key_body;
mod key_schema;
mod list_keys;
mod revoke_key;
mod rotate_key;
mod rotation_body;

use poem::{Request, Result};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use sentinel_http::{Admin, Authorized, OperationNotes, ProblemNote};

use super::{Context, Group, json_body};
use create_key::CreateAnswer;
use key_body::KeyBody;
use list_keys::KeysAnswer;
use revoke_key::RevokeAnswer;
use rotate_key::RotateAnswer;
use rotation_body::RotationBody;

/// The operations on API keys.
#[derive(Clone)]
pub struct KeysApi(pub Context);

#[OpenApi]
impl KeysApi {
    /// List API keys
    ///
    /// Returns the tenant's keys, oldest first, also those that no longer work. The texts of the keys are not kept.
    #[oai(path = "/api/v1/keys", method = "get", operation_id = "listKeys", tag = "Group::Keys")]
    async fn list_keys(&self, key: Authorized<Admin>, request: &Request) -> Result<KeysAnswer> {
        list_keys::handle(&self.0, &key, request).await
    }

    /// Make an API key
    ///
    /// Answers with the key's text, which cannot be shown again.
    #[oai(path = "/api/v1/keys", method = "post", operation_id = "createKey", tag = "Group::Keys")]
    async fn create_key(
        &self,
        key: Authorized<Admin>,
        request: &Request,
        body: KeyBody,
    ) -> Result<CreateAnswer> {
        create_key::handle(&self.0, &key, request, body).await
    }

    /// Revoke an API key
    ///
    /// It stops working within a second, in all services. It stays in the list.
    #[oai(path = "/api/v1/keys/:id", method = "delete", operation_id = "revokeKey", tag = "Group::Keys")]
    async fn revoke_key(
        &self,
        key: Authorized<Admin>,
        request: &Request,
        /// The key's id.
        #[oai(example = "example_key_id")]
        id: Path<String>,
    ) -> Result<RevokeAnswer> {
        revoke_key::handle(&self.0, &key, request, &id.0).await
    }

    /// Replace an API key
    ///
    /// Makes a successor with the same name, scopes and service, and answers with its text, which cannot be shown again. The
    /// key itself goes on working for the overlap, unless it ends earlier. The successor lives as long, from now on, as
    /// the key was given.
    #[oai(path = "/api/v1/keys/:id/rotate", method = "post", operation_id = "rotateKey", tag = "Group::Keys")]
    async fn rotate_key(
        &self,
        key: Authorized<Admin>,
        request: &Request,
        /// The key's id.
        #[oai(example = "example_key_id")]
        id: Path<String>,
        body: RotationBody,
    ) -> Result<RotateAnswer> {
        rotate_key::handle(&self.0, &key, request, id.0, body).await
    }
}

fn example_key_id() -> String {
    "x7Kp2QaZ".to_owned()
}

/// What the document says of these operations beside what their code says.
pub(super) const NOTES: &[OperationNotes] = &[
    OperationNotes {
        operations: &["createKey"],
        query: &[],
        problems: &[ProblemNote {
            status: 409,
            description: "There are as many keys that work as there may be: 1,000.",
        }],
    },
    OperationNotes {
        operations: &["revokeKey"],
        query: &[],
        problems: &[ProblemNote {
            status: 404,
            description: "There is no key with this id that is not revoked.",
        }],
    },
    OperationNotes {
        operations: &["rotateKey"],
        query: &[],
        problems: &[
            ProblemNote { status: 404, description: "There is no key with this id that works." },
            ProblemNote {
                status: 409,
                description: "The key has a successor already, or there are as many keys that work as there may be: 1,000.",
            },
        ],
    },
];
