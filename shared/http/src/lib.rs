//! How Log Sentinel's services speak HTTP: everything that both of them do alike, whatever their routes are.
//!
//! A request passes, from the outside in:
//! * [`listener`] accepts connections, with a deadline for everything a peer can draw out
//! * [`mod@guard`] gives the request its id ([`request_id`]), and every answer its headers and, if it is an error,
//!   the one shape of [`problem`]
//! * `farewell` sends it elsewhere if the service is about to stop
//! * [`authorized`] asks for a credential ([`credentials`]), whom it stands for ([`authenticator`], which also has it noted
//!   that a key was used), and its scope, and counts what it uses ([`quotas`]); [`authenticated`] asks for no scope;
//!   [`logins`] is what that takes where people log in
//! * [`body`] reads the body, within limits
//!
//! and handlers answer with [`json_text`] or a [`Problem`]; [`standing`] says whether an answer that goes on may. Beside that: [`openapi`] completes the documents
//! that poem-openapi generates, [`docs`] shows them, [`health`] and [`mod@healthcheck`] say how the service is.
//!
//! [`site`] puts all of this around an API, [`system_api`] has the operations that every service has, and
//! [`lifecycle`] runs a service from its first connection to its last commit.
//!
//! [`options`] has the flags of all that; [`mod@memory_limit`] says how much memory there is for it, [`mod@random_key`]
//! makes keys.
//!
//! Not here: the routes of a service, and what they mean.

pub mod authenticated;
pub mod authenticator;
pub mod authorized;
pub mod body;
pub mod client_address;
pub mod credentials;
pub mod docs;
mod farewell;
pub mod guard;
pub mod health;
pub mod healthcheck;
pub mod json_text;
mod last_used;
pub mod lifecycle;
pub mod listener;
pub mod logins;
pub mod memory_limit;
pub mod openapi;
pub mod options;
pub mod problem;
pub mod quotas;
pub mod random_key;
mod remembered;
pub mod request_id;
mod shared_memory;
pub mod site;
pub mod standing;
pub mod system_api;

pub use authenticated::Authenticated;
pub use authenticator::{Authenticator, AuthenticatorOptions};
pub use authorized::{Admin, Alerts, Authorized, Delete, Ingest, Read, RequiredScope};
pub use body::{BodyLimits, BodyReader, Encoding};
pub use client_address::{TrustedProxies, client_address, is_encrypted};
pub use guard::{ErrorShape, OwnShape, RouteTable, guard};
pub use health::{Health, HealthReport, Readiness};
pub use healthcheck::{healthcheck, reachable};
pub use json_text::JsonText;
pub use lifecycle::{Callers, LifeError, Service, SideDoor, exit_code};
pub use listener::serve;
pub use logins::Logins;
pub use memory_limit::memory_limit;
pub use openapi::{
    Documented, Notes, OperationNotes, ParameterKind, ProblemNote, QueryParameter, UndeclaredScopes,
};
pub use options::HttpOptions;
pub use problem::{Problem, RecordError};
pub use quotas::KeyQuotas;
pub use random_key::random_key;
pub use request_id::RequestId;
pub use site::{SidePort, Site, document_of};
pub use standing::Standing;
pub use system_api::{OPEN_OPERATIONS, SystemApi};
