//! The users of a tenant: the page of routes.

mod add_user;
mod list_users;
mod remove_user;
mod user_schema;

use poem::{Request, Result};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use sentinel_http::{Admin, Authorized, OperationNotes, ProblemNote};

use super::auth::password_check;
use super::{Context, Group, json_body, noting};
use add_user::{AddAnswer, UserBody};
use list_users::UsersAnswer;
use remove_user::RemoveAnswer;

/// The operations on users.
#[derive(Clone)]
pub struct UsersApi(pub Context);

#[OpenApi]
impl UsersApi {
    /// List users
    ///
    /// Returns the users of the caller's tenant, by name.
    #[oai(path = "/api/v1/users", method = "get", operation_id = "listUsers", tag = "Group::Users")]
    async fn list_users(&self, key: Authorized<Admin>, request: &Request) -> Result<UsersAnswer> {
        list_users::handle(&self.0, &key, request).await
    }

    /// Make a user
    ///
    /// In the caller's tenant. Names are unique in the whole installation.
    #[oai(path = "/api/v1/users", method = "post", operation_id = "addUser", tag = "Group::Users")]
    async fn add_user(&self, key: Authorized<Admin>, request: &Request, body: UserBody) -> Result<AddAnswer> {
        add_user::handle(&self.0, &key, request, &body).await
    }

    /// Remove a user
    ///
    /// Ends all sessions and access tokens of the user. Not oneself, and not the last admin of a tenant.
    #[oai(path = "/api/v1/users/:name", method = "delete", operation_id = "removeUser", tag = "Group::Users")]
    async fn remove_user(
        &self,
        key: Authorized<Admin>,
        request: &Request,
        /// The user's name.
        #[oai(example = "example_name")]
        name: Path<String>,
    ) -> Result<RemoveAnswer> {
        remove_user::handle(&self.0, &key, request, &name.0).await
    }
}

fn example_name() -> String {
    "ann".to_owned()
}

/// What the document says of these operations beside what their code says.
pub(super) const NOTES: &[OperationNotes] = &[
    OperationNotes {
        operations: &["addUser"],
        query: &[],
        problems: &[
            ProblemNote { status: 409, description: "The name is taken, or there are 1,000 users." },
            ProblemNote { status: 507, description: "The disk is full; no user was made." },
        ],
    },
    OperationNotes {
        operations: &["removeUser"],
        query: &[],
        problems: &[
            ProblemNote { status: 404, description: "There is no user of this name." },
            ProblemNote { status: 409, description: "It is the caller, or the last admin." },
        ],
    },
];
