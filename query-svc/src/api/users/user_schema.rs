//! How users look in answers: without what their passwords are compared with.

use poem_openapi::Object;
use store::User;

/// Somebody who logs in with a password.
#[derive(Object)]
#[oai(rename = "User", read_only_all)]
pub(super) struct UserSchema {
    /// The name; unique in the installation.
    username: String,
    /// What the user may do: viewer, editor or admin.
    role: String,
    /// When the user was made: RFC 3339, UTC.
    created_at: String,
    /// When the password was set: RFC 3339, UTC.
    password_changed_at: String,
}

impl From<User> for UserSchema {
    fn from(user: User) -> Self {
        Self {
            username: user.name.to_string(),
            role: user.role.to_string(),
            created_at: user.created_at.to_string(),
            password_changed_at: user.password_changed_at.to_string(),
        }
    }
}
