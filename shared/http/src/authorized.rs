//! What an operation asks of its caller: `Authorized<Read>` as a parameter, and neither a request without a
//! key nor one whose key lacks the scope reaches the handler. The same parameter writes the requirement into
//! the OpenAPI document.

use std::marker::PhantomData;
use std::ops::Deref;

use domain::{Principal, Scope};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::credentials::SESSION_COOKIE;
use crate::openapi::declared::mark_of;
use crate::{Authenticator, KeyQuotas, Problem};

/// A scope, as a type.
pub trait RequiredScope: Send + Sync + 'static {
    /// The scope.
    const SCOPE: Scope;
}

/// The caller of an operation that requires the scope `S`. Needs an `Arc<Authenticator>` in the request's data.
#[derive(Debug)]
pub struct Authorized<S> {
    principal: Principal,
    scope: PhantomData<S>,
}

macro_rules! scopes {
    ($($name:ident: $doc:literal;)*) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl RequiredScope for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

scopes! {
    Ingest: "Requires the scope `ingest`.";
    Read: "Requires the scope `read`.";
    Delete: "Requires the scope `delete`.";
    Alerts: "Requires the scope `alerts`.";
    Admin: "Requires the scope `admin`.";
}

/// The ways to send a key, any of which suffices: the scheme's name, where the key goes, what to say about it.
const SCHEMES: [(&str, KeyPlace, &str); 5] = [
    ("TokenKey", KeyPlace::Header("Authorization"), "The API key behind the word Token: `Token <key>`."),
    ("BearerKey", KeyPlace::Http("bearer"), "The API key, or an access token, as a bearer token."),
    ("HeaderKey", KeyPlace::Header("X-API-Key"), "The API key alone."),
    ("BasicKey", KeyPlace::Http("basic"), "The API key as the password; the user name is not looked at."),
    (
        "SessionCookie",
        KeyPlace::Cookie(SESSION_COOKIE),
        "The session that a login began. Looked at where no header says anything.",
    ),
];

/// Where a key goes, in the words of OpenAPI.
enum KeyPlace {
    /// A header of this name, as it is.
    Header(&'static str),
    /// `Authorization`, as this scheme of HTTP has it.
    Http(&'static str),
    /// A cookie of this name.
    Cookie(&'static str),
}

impl KeyPlace {
    fn scheme(&self, description: &'static str) -> MetaSecurityScheme {
        let (ty, name, key_in, scheme) = match self {
            Self::Header(header) => ("apiKey", Some(*header), Some("header"), None),
            Self::Http(scheme) => ("http", None, None, Some(*scheme)),
            Self::Cookie(cookie) => ("apiKey", Some(*cookie), Some("cookie"), None),
        };
        MetaSecurityScheme {
            ty,
            description: Some(description),
            name,
            key_in,
            scheme,
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        }
    }
}

/// Adds the ways to say who one is to a document.
pub(crate) fn register_schemes(registry: &mut Registry) {
    for (name, place, description) in SCHEMES {
        registry.create_security_scheme(name, place.scheme(description));
    }
}

/// Returns the names of the ways to say who one is.
pub(crate) fn scheme_names() -> Vec<&'static str> {
    SCHEMES.iter().map(|(name, ..)| *name).collect()
}

impl<S: RequiredScope> Authorized<S> {
    /// Returns the caller, if there is one and it has the scope. For routes outside of OpenAPI.
    ///
    /// # Errors
    /// What [`Authenticator::authenticate`] returns; 429 if its quota is used up; 403 if the key lacks the scope.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        let principal = Authenticator::of(request)?.authenticate(request).await?;
        KeyQuotas::charge_request_of(request, &principal.caller, S::SCOPE)?;
        if !principal.scopes.contains(S::SCOPE) {
            return Err(Problem::missing_scope(S::SCOPE));
        }
        Ok(Self { principal, scope: PhantomData })
    }

    /// Returns the caller.
    #[must_use]
    pub fn into_principal(self) -> Principal {
        self.principal
    }
}

impl<S> Deref for Authorized<S> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<'a, S: RequiredScope> ApiExtractor<'a> for Authorized<S> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_schemes(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        scheme_names().into_iter().chain([mark_of(S::SCOPE)]).collect()
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self::of(request).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::Clock;
    use poem::endpoint::BoxEndpoint;
    use poem::http::StatusCode;
    use poem::{Endpoint, EndpointExt};
    use poem_openapi::{OpenApi, OpenApiService};
    use serde_json::{Value, json};
    use store::KeyStore;

    use super::*;
    use crate::authenticator::tests::{FakeKeys, FixedClock};
    use crate::openapi::finish_document;

    struct Api;

    #[OpenApi]
    impl Api {
        #[oai(path = "/logs", method = "get")]
        async fn read(&self, caller: Authorized<Read>) -> poem_openapi::payload::PlainText<String> {
            poem_openapi::payload::PlainText(caller.into_principal().scopes.to_string())
        }
    }

    fn app() -> BoxEndpoint<'static> {
        let keys = FakeKeys::default();
        keys.add("reader", "read");
        keys.add("sender", "ingest");
        let (keys, clock): (Arc<dyn KeyStore>, Arc<dyn Clock>) = (Arc::new(keys), Arc::new(FixedClock));
        let authenticator = Arc::new(Authenticator::new(keys, clock, Default::default()));
        OpenApiService::new(Api, "test", "1").data(authenticator).map_to_response().boxed()
    }

    async fn status_with(key: &str) -> StatusCode {
        let request = Request::builder().uri_str("/logs").header("Authorization", format!("Token {key}"));
        app().get_response(request.finish()).await.status()
    }

    #[tokio::test]
    async fn only_a_key_with_the_scope_reaches_the_handler() {
        assert_eq!(status_with("reader").await, StatusCode::OK);
        assert_eq!(status_with("sender").await, StatusCode::FORBIDDEN);
        assert_eq!(status_with("nobody").await, StatusCode::UNAUTHORIZED);
        assert_eq!(status_with("").await, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn the_missing_scope_is_named() {
        let request = Request::builder().header("X-API-Key", "sender").uri_str("/logs").finish();
        let error = app().call(request).await.unwrap_err();
        let problem = error.downcast_ref::<Problem>().unwrap();
        assert_eq!((problem.code(), problem.detail()), ("missing_scope", "the API key lacks the scope read"));
    }

    #[tokio::test]
    async fn an_app_without_an_authenticator_lets_nobody_in() {
        let app = OpenApiService::new(Api, "test", "1").map_to_response();
        let request = Request::builder().header("X-API-Key", "reader").uri_str("/logs").finish();
        let status = poem::IntoEndpoint::into_endpoint(app).get_response(request).await.status();
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn the_document_offers_the_schemes_as_alternatives() {
        let spec = OpenApiService::new(Api, "test", "1").spec();
        let document: Value = serde_json::from_str(&finish_document(&spec).unwrap()).unwrap();
        let schemes = &document["components"]["securitySchemes"];
        assert_eq!(schemes["TokenKey"]["name"], "Authorization");
        assert_eq!(schemes["BearerKey"]["scheme"], "bearer");
        assert_eq!(schemes["HeaderKey"]["in"], "header");
        assert_eq!(schemes["BasicKey"]["scheme"], "basic");
        assert_eq!(
            (&schemes["SessionCookie"]["in"], &schemes["SessionCookie"]["name"]),
            (&json!("cookie"), &json!("sentinel_session"))
        );
        let alternatives = json!([
            {"TokenKey": []}, {"BearerKey": []}, {"HeaderKey": []}, {"BasicKey": []}, {"SessionCookie": []}
        ]);
        assert_eq!(document["paths"]["/logs"]["get"]["security"], alternatives);
    }
}
