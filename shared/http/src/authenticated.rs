//! The caller of an operation that anybody may use who says who they are: no scope is asked for.

use std::ops::Deref;

use domain::{Caller, Principal, Scope, UserName};
use poem::{Request, RequestBody};
use poem_openapi::registry::Registry;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use store::KeyDigest;

use crate::authenticator::Credential;
use crate::authorized::{register_schemes, scheme_names};
use crate::openapi::declared::ANY_SCOPE;
use crate::{Authenticator, KeyQuotas};

/// Who asks, whatever that is. Needs an `Arc<Authenticator>` in the request's data.
#[derive(Debug)]
pub struct Authenticated {
    principal: Principal,
    session: Option<KeyDigest>,
}

impl Authenticated {
    /// Returns the digest of the session's token, if the request belongs to one.
    #[must_use]
    pub fn session(&self) -> Option<KeyDigest> {
        self.session
    }

    /// Returns the user's name, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<UserName> {
        match &self.principal.caller {
            Caller::User(name) => UserName::parse(name).ok(),
            Caller::Key(_) => None,
        }
    }
}

impl Deref for Authenticated {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<'a> ApiExtractor<'a> for Authenticated {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_schemes(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        scheme_names().into_iter().chain([ANY_SCOPE]).collect()
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let (principal, credential) = Authenticator::of(request)?.identify(request).await?;
        KeyQuotas::charge_request_of(request, &principal.caller, Scope::Read)?;
        let session = match credential {
            Credential::Session(digest) => Some(digest),
            _ => None,
        };
        Ok(Self { principal, session })
    }
}
