//! The body of `POST /api/v1/keys`: read within limits, and told all that is wrong with it.

use domain::{MaxAge, ScopeSet, ServiceName, Tenant, Timestamp};
use poem_openapi::Object;
use sentinel_http::Problem;
use serde::Deserialize;
use store::keys::GeneratedKey;
use store::{KeyDigest, NewKey};

use super::json_body::{BodySchema, JsonBody};

/// A key to make, as a client sends it.
pub(super) type KeyBody = JsonBody<NewKeyBodySchema>;

/// An API key to make.
#[derive(Object)]
#[oai(rename = "NewApiKeyBody", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct NewKeyBodySchema {
    /// What to call it. Example: `dashboard`.
    #[oai(validator(min_length = 1, max_length = 128))]
    name: String,
    /// What it may be used for: one or more of `ingest`, `read`, `delete`, `alerts`, `admin`.
    #[oai(validator(min_items = 1))]
    scopes: Vec<String>,
    /// The one service that it may send logs of: it fills in a missing `service`, and another one is rejected. Missing: any.
    service: Option<String>,
    /// How long it works: a number and s, m, h, d or w. Missing: for ever. Example: `90d`.
    expires_in: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyText {
    name: String,
    scopes: Vec<String>,
    service: Option<String>,
    expires_in: Option<String>,
}

impl BodySchema for NewKeyBodySchema {
    const DESCRIPTION: &'static str = "The key to make.";
    const NAME: &'static str = "API key to make";
}

impl KeyBody {
    /// Reads what a key is to be; `generated` is its text and id.
    ///
    /// # Errors
    /// A 400 with all reasons.
    pub(super) fn read(
        &self,
        generated: &GeneratedKey,
        tenant: &Tenant,
        created_at: Timestamp,
    ) -> Result<NewKey, Problem> {
        let text: KeyText = self.parse()?;
        let mut reasons = Vec::new();
        let mut note =
            |field: &str, reason: &dyn std::fmt::Display| reasons.push(format!("{field}: {reason}"));
        if let Err(error) = NewKey::check_name(&text.name) {
            note("name", &error);
        }
        let scopes = ScopeSet::parse(&text.scopes.join(","));
        let scopes = scopes.inspect_err(|error| note("scopes", error)).unwrap_or(ScopeSet::ALL);
        if scopes == ScopeSet::default() {
            note("scopes", &"expected at least one of ingest, read, delete, alerts, admin");
        }
        let service = text.service.as_deref().map(ServiceName::parse).transpose();
        let service = service.inspect_err(|error| note("service", error)).unwrap_or_default();
        let lifetime = text.expires_in.as_deref().map(MaxAge::parse).transpose();
        let lifetime = lifetime.inspect_err(|error| note("expires_in", error)).unwrap_or_default();
        if !reasons.is_empty() {
            return Err(Problem::bad_request("invalid_key", reasons.join("; ")));
        }
        Ok(NewKey {
            id: generated.id.clone(),
            digest: KeyDigest::of(&generated.text),
            name: text.name,
            tenant: tenant.clone(),
            scopes,
            service,
            created_at,
            expires_at: lifetime.map(|lifetime| lifetime.after(created_at)),
        })
    }
}
