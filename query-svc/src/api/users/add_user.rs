//! `POST /api/v1/users`

use domain::limits::USERS_MAX;
use domain::{Principal, Role, UserName};
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::Problem;
use serde::Deserialize;
use serde_json::json;
use store::{AddUserOutcome, AuditAction};

use super::Context;
use super::json_body::{BodySchema, JsonBody};
use super::noting::Note;
use super::password_check::{name_taken, user_to_make};
use super::user_schema::UserSchema;
use crate::params::Query;

/// A user as a client sends one.
pub(super) type UserBody = JsonBody<NewUserSchema>;

/// A user to make.
#[derive(Object)]
#[oai(rename = "NewUser", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct NewUserSchema {
    /// The name: 1 to 64 characters of a-z, 0-9, '.', '_', '-' and '@'. Example: `ann`.
    username: String,
    /// The password: 12 to 1,024 bytes, not the user's name, and no common one.
    #[oai(validator(max_length = 1024))]
    password: String,
    /// What the user may do: viewer (read), editor (read, ingest, delete, alerts) or admin (all). Example: `viewer`.
    role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    username: String,
    password: String,
    role: String,
}

impl BodySchema for NewUserSchema {
    const DESCRIPTION: &'static str = "The user.";
    const NAME: &'static str = "user (username, password, role)";
}

/// The answer to a new user.
#[derive(ApiResponse)]
pub(super) enum AddAnswer {
    /// The user is made.
    #[oai(status = 201)]
    Added(Json<UserSchema>),
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    body: &UserBody,
) -> Result<AddAnswer> {
    Query::of(request)?.finish()?;
    let NewUser { username, password, role } = body.parse_private()?;
    let invalid = |error: &dyn std::fmt::Display| Problem::bad_request("invalid_user", error.to_string());
    let name = UserName::parse(&username).map_err(|error| invalid(&error))?;
    let role = Role::parse(&role).map_err(|error| invalid(&error))?;
    let user = user_to_make(context, name, key.tenant.clone(), role, password).await?;
    // Noted first, so that nobody is made whom the audit log does not know; what is asked for in vain is found out before.
    if context.users.find(&user.name).await.map_err(Problem::from)?.is_some() {
        return Err(name_taken(&user.name).into());
    }
    if context.users.list(&key.tenant).await.map_err(Problem::from)?.len() >= USERS_MAX {
        return Err(too_many().into());
    }
    let details = [("role", json!(user.role.to_string()))];
    let note = Note::by(key, AuditAction::UserCreated, user.name.to_string()).with(details);
    context.note(request, note).await?;
    match context.users.add(user.clone()).await.map_err(Problem::from)? {
        AddUserOutcome::Added => Ok(AddAnswer::Added(Json(user.into()))),
        AddUserOutcome::NameTaken => Err(name_taken(&user.name).into()),
        AddUserOutcome::LimitReached => Err(too_many().into()),
    }
}

fn too_many() -> Problem {
    let detail = format!("there are {USERS_MAX} users, the most there may be; remove one first");
    Problem::conflict("too_many_users", detail)
}
