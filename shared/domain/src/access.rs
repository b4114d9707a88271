//! Who may ask, and for what: tenants, scopes, bound services, and the principal that a key stands for.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::{SERVICE_MAX_BYTES, TENANT_MAX_BYTES};

/// The owner of logs. Two tenants never see each other's; every call to a store names one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

/// A text that cannot be a tenant's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a tenant's name is 1 to {TENANT_MAX_BYTES} characters of a-z, 0-9, '-' and '_'")]
pub struct InvalidTenant;

impl Tenant {
    /// The name of the tenant that a single-tenant installation uses.
    pub const DEFAULT_NAME: &str = "default";

    /// Reads a tenant's name.
    ///
    /// # Errors
    /// [`InvalidTenant`] unless it is 1 to [`TENANT_MAX_BYTES`] characters of `a-z 0-9 - _`.
    pub fn parse(name: &str) -> Result<Self, InvalidTenant> {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if name.is_empty() || name.len() > TENANT_MAX_BYTES || !name.bytes().all(is_allowed) {
            return Err(InvalidTenant);
        }
        Ok(Self(name.into()))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a service that sends logs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceName(Arc<str>);

/// A text that cannot be a service's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a service's name is 1 to {SERVICE_MAX_BYTES} bytes without control characters")]
pub struct InvalidServiceName;

impl ServiceName {
    /// Reads a service's name; what [`ServiceName::check`] accepts.
    ///
    /// # Errors
    /// [`InvalidServiceName`].
    pub fn parse(name: &str) -> Result<Self, InvalidServiceName> {
        Self::check(name)?;
        Ok(Self(name.into()))
    }

    /// Checks a name without keeping it.
    ///
    /// # Errors
    /// [`InvalidServiceName`] unless it is 1 to [`SERVICE_MAX_BYTES`] bytes without control characters.
    pub fn check(name: &str) -> Result<(), InvalidServiceName> {
        if name.is_empty() || name.len() > SERVICE_MAX_BYTES || name.contains(char::is_control) {
            return Err(InvalidServiceName);
        }
        Ok(())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Scope {
    /// Sending logs.
    Ingest,
    /// Reading logs, counts and statistics.
    Read,
    /// Deleting logs.
    Delete,
    /// Keeping alert rules.
    Alerts,
    /// Keeping keys.
    Admin,
}

impl Scope {
    /// All scopes, in the order in which they are written.
    pub const ALL: [Self; 5] = [Self::Ingest, Self::Read, Self::Delete, Self::Alerts, Self::Admin];

    /// Returns the name that keys, commands and errors use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Delete => "delete",
            Self::Alerts => "alerts",
            Self::Admin => "admin",
        }
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScopeSet(u8);

/// A list of scopes that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown scope \"{0}\": expected a comma list of ingest, read, delete, alerts, admin")]
pub struct UnknownScope(pub String);

impl ScopeSet {
    /// Every scope.
    pub const ALL: Self = Self(0b1_1111);

    /// Makes a set of `scopes`.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().fold(0, |bits, scope| bits | 1 << *scope as u8))
    }

    /// Reads a comma list such as `ingest,read`.
    ///
    /// # Errors
    /// [`UnknownScope`] with the first name that is none.
    pub fn parse(list: &str) -> Result<Self, UnknownScope> {
        let mut set = Self::default();
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let scope = Scope::ALL.into_iter().find(|scope| scope.name() == name);
            set.0 |= Self::of(&[scope.ok_or_else(|| UnknownScope(name.to_owned()))?]).0;
        }
        Ok(set)
    }

    /// Says whether `scope` is in the set.
    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Scope::ALL.into_iter().filter(|s| self.contains(*s)).map(Scope::name).collect();
        f.write_str(&names.join(","))
    }
}

/// Who asks, by a name that is safe to log. Written as `key:<id>` or `user:<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Caller {
    /// A program, by the public id of its key.
    Key(String),
    /// A person, by the user name.
    User(String),
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key:{id}"),
            Self::User(name) => write!(f, "user:{name}"),
        }
    }
}

/// Whom a request comes from, as its credential says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who it is.
    pub caller: Caller,
    /// Whose logs it reaches.
    pub tenant: Tenant,
    /// What it may do.
    pub scopes: ScopeSet,
    /// The one service that it may send logs of, if it is bound to one.
    pub service: Option<ServiceName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_names_are_short_and_plain() {
        assert_eq!(Tenant::parse("team-7_a").as_ref().map(Tenant::as_str), Ok("team-7_a"));
        for name in ["", "Team", "a b", "a/b", "ä", "x'--", &"x".repeat(65)] {
            assert_eq!(Tenant::parse(name), Err(InvalidTenant), "{name}");
        }
    }

    #[test]
    fn scope_lists_are_read_and_written_alike() {
        let set = ScopeSet::parse("read, ingest").expect("both are scopes");
        assert_eq!(set.to_string(), "ingest,read");
        assert!(set.contains(Scope::Read) && !set.contains(Scope::Delete));
        assert_eq!(ScopeSet::parse("read,write"), Err(UnknownScope("write".into())));
        assert_eq!(ScopeSet::ALL.to_string(), "ingest,read,delete,alerts,admin");
    }

    #[test]
    fn service_names_may_be_odd_but_not_empty_long_or_with_control_characters() {
        for name in ["sshd(pam_unix)", "3888:QuorumCnxManager$Listener", "zahlungs dienst", "支付"] {
            assert!(ServiceName::parse(name).is_ok(), "{name}");
        }
        for name in ["", "a\nb", "a\0b", &"x".repeat(257)] {
            assert_eq!(ServiceName::parse(name), Err(InvalidServiceName), "{name:?}");
        }
    }
}
