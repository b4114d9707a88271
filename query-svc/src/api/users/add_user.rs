//! `POST /api/v1/users`

use domain::limits::USERS_MAX;
use domain::{Principal, Role, UserName};
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::Problem;
use serde::Deserialize;
use store::{AddUserOutcome, AuditAction, User};

use super::Context;
use super::json_body::{BodySchema, JsonBody};
use super::noting::Note;
use super::password_check::busy;
use super::user_schema::UserSchema;
use crate::accounts::check_password;
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
    let user = user_to_make(context, key, body.parse_private()?).await?;
    match context.users.add(user.clone()).await.map_err(Problem::from)? {
        AddUserOutcome::Added => {}
        AddUserOutcome::NameTaken => {
            let detail = format!("there is a user {} already; take another name", user.name);
            return Err(Problem::conflict("name_taken", detail).into());
        }
        AddUserOutcome::LimitReached => {
            let detail = format!("there are {USERS_MAX} users, the most there may be; remove one first");
            return Err(Problem::conflict("too_many_users", detail).into());
        }
    }
    let note = Note {
        tenant: key.tenant.clone(),
        caller: Some(key.caller.clone()),
        action: AuditAction::UserCreated,
        subject: user.name.to_string(),
    };
    note.keep(context, request).await;
    Ok(AddAnswer::Added(Json(user.into())))
}

async fn user_to_make(context: &Context, key: &Principal, new: NewUser) -> Result<User, Problem> {
    let invalid = |error: &dyn std::fmt::Display| Problem::bad_request("invalid_user", error.to_string());
    let name = UserName::parse(&new.username).map_err(|error| invalid(&error))?;
    let role = Role::parse(&new.role).map_err(|error| invalid(&error))?;
    check_password(&new.password, &name)
        .map_err(|error| Problem::bad_request("invalid_password", error.to_string()))?;
    let password_hash = context.passwords.hash(new.password).await.map_err(busy)?;
    let now = context.clock.now();
    let tenant = key.tenant.clone();
    Ok(User { name, tenant, role, password_hash, created_at: now, password_changed_at: now })
}
