//! The options that every service has about how it speaks HTTP, as blocks to flatten into a `clap` parser. Each is a flag
//! and an environment variable `SENTINEL_<FLAG>`; each limit has a unit, and the error that it causes states it.
//!
//! * [`listener`] how many connections, and how long they may take; [`tls`] their certificate
//! * [`body`] how large and how slow a request's body may be
//! * [`cors`] which pages of other origins may ask
//! * [`keys`] keys that are brought along, and the header that carries them
//! * [`logins`] how people log in
//! * [`quotas`] what one caller may use in a second
//! * [`values`] how sizes and times are written

pub mod body;
pub mod cors;
pub mod keys;
pub mod listener;
pub mod logins;
pub mod quotas;
pub mod tls;
pub mod values;

use clap::Args;

pub use self::body::BodyOptions;
pub use self::cors::CorsOptions;
pub use self::keys::{GivenKeys, KeyOptions, KeyOptionsError};
pub use self::listener::ListenerOptions;
pub use self::logins::LoginOptions;
pub use self::quotas::QuotaOptions;
pub use self::tls::TlsOptions;

/// How a service speaks HTTP.
#[derive(Debug, Clone, Default, Args)]
pub struct HttpOptions {
    /// What the listener grants its peers
    #[command(flatten)]
    pub listener: ListenerOptions,
    /// What bodies may cost
    #[command(flatten)]
    pub body: BodyOptions,
    /// The certificate
    #[command(flatten)]
    pub tls: TlsOptions,
    /// Who else may ask
    #[command(flatten)]
    pub cors: CorsOptions,
    /// What one caller may use in a second
    #[command(flatten)]
    pub quotas: QuotaOptions,
    /// Which keys it takes beside those that are kept
    #[command(flatten)]
    pub keys: KeyOptions,
    /// How people log in
    #[command(flatten)]
    pub logins: LoginOptions,
}
