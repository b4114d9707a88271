//! `POST /api/v1/keys`

use domain::Principal;
use domain::limits::KEYS_MAX;
use poem::{Request, Result};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use sentinel_http::{Problem, random_key};
use store::InsertOutcome;

use super::Context;
use super::key_body::KeyBody;
use super::key_schema::NewKeySchema;
use crate::params::Query;

/// The answer to a new key.
#[derive(ApiResponse)]
pub(super) enum CreateAnswer {
    /// The key, with its text.
    #[oai(status = 201)]
    Created(Json<NewKeySchema>),
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    body: KeyBody,
) -> Result<CreateAnswer> {
    Query::of(request)?.finish()?;
    let noting = context.keys_by(key, request);
    let generated = random_key();
    let new = body.read(&generated, &key.tenant, noting.at)?;
    match noting.create(new.clone()).await.map_err(Problem::from)? {
        InsertOutcome::Inserted => {
            let (caller, tenant, key_id) = (&key.caller, &key.tenant, &new.id);
            tracing::info!(%caller, %tenant, key_id, "key made");
            let made = NewKeySchema::new(generated.text, new.into_record(), noting.at);
            Ok(CreateAnswer::Created(Json(made)))
        }
        InsertOutcome::LimitReached => Err(too_many("revoke one first").into()),
        InsertOutcome::AlreadyThere => Err(Problem::internal("a random id of a key is taken").into()),
    }
}

/// 409: there are as many keys as there may be; `way_out` says what to do.
pub(super) fn too_many(way_out: &str) -> Problem {
    let detail = format!("there are {KEYS_MAX} keys that work, the most there may be; {way_out}");
    Problem::conflict("too_many_keys", detail)
}
