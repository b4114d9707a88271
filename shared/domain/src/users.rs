//! People: their names and roles.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::USER_NAME_MAX_BYTES;
use crate::{Scope, ScopeSet};

/// The name of a user; unique in an installation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Arc<str>);

/// A text that cannot be a user's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a user's name is 1 to {USER_NAME_MAX_BYTES} characters of a-z, 0-9, '.', '_', '-' and '@'")]
pub struct InvalidUserName;

impl UserName {
    /// Reads a user's name: what stands around it is cut off, and large letters are made small.
    ///
    /// # Errors
    /// [`InvalidUserName`] unless the rest is 1 to [`USER_NAME_MAX_BYTES`] characters of `a-z 0-9 . _ - @`.
    pub fn parse(name: &str) -> Result<Self, InvalidUserName> {
        let name = name.trim();
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
        if name.is_empty() || name.len() > USER_NAME_MAX_BYTES || !name.bytes().all(is_allowed) {
            return Err(InvalidUserName);
        }
        Ok(Self(name.to_ascii_lowercase().into()))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads, sends, deletes, and keeps alert rules.
    Editor,
    /// Everything, users and keys included.
    Admin,
}

/// A text that is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a role is viewer, editor or admin")]
pub struct InvalidRole;

impl Role {
    /// All roles, from the least to the most.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Admin];

    /// Reads a role's name.
    ///
    /// # Errors
    /// [`InvalidRole`].
    pub fn parse(name: &str) -> Result<Self, InvalidRole> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or(InvalidRole)
    }

    /// Returns the name under which it is kept and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// Returns what it allows.
    #[must_use]
    pub fn scopes(self) -> ScopeSet {
        match self {
            Self::Viewer => ScopeSet::of(&[Scope::Read]),
            Self::Editor => ScopeSet::of(&[Scope::Read, Scope::Delete, Scope::Alerts, Scope::Ingest]),
            Self::Admin => ScopeSet::ALL,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_short_and_plain_and_compared_without_case() {
        let parsed = |name| UserName::parse(name).map(|name| name.to_string());
        assert_eq!(parsed(" Zoe.O-1_x@Example.org\n"), Ok("zoe.o-1_x@example.org".to_owned()));
        for name in ["", "  ", "a b", "a/b", "zoë", "a\0", "x'--", &"x".repeat(65)] {
            assert_eq!(parsed(name), Err(InvalidUserName), "{name:?}");
        }
    }

    #[test]
    fn each_role_may_do_what_the_one_before_may_and_only_admins_everything() {
        let scopes = Role::ALL.map(|role| role.scopes().to_string());
        assert_eq!(scopes, ["read", "ingest,read,delete,alerts", "ingest,read,delete,alerts,admin"]);
        assert_eq!(Role::ALL.map(|role| Role::parse(role.name())), Role::ALL.map(Ok));
        assert_eq!(Role::parse("Admin"), Err(InvalidRole));
    }
}
