//! `POST /api/v1/keys/{id}/rotate`

use domain::Principal;
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::{Problem, random_key};
use store::{KeyDigest, RotateOutcome, Rotated, Rotation};

use super::Context;
use super::create_key::too_many;
use super::key_schema::{KeySchema, NewKeySchema};
use super::rotation_body::RotationBody;
use crate::params::Query;

/// The answer to a replacement.
#[derive(ApiResponse)]
pub(super) enum RotateAnswer {
    /// The successor, with its text, and the key that it replaces.
    #[oai(status = 201)]
    Rotated(Json<RotatedSchema>),
}

/// An API key that replaces another.
#[derive(Object)]
#[oai(rename = "RotatedApiKey", read_only_all)]
pub(super) struct RotatedSchema {
    /// The successor.
    #[oai(flatten)]
    successor: NewKeySchema,
    /// The key that it replaces, which works until it expires.
    replaced: KeySchema,
}

pub(super) async fn handle(
    context: &Context,
    key: &Principal,
    request: &Request,
    id: String,
    body: RotationBody,
) -> Result<RotateAnswer> {
    Query::of(request)?.finish()?;
    let noting = context.keys_by(key, request);
    let generated = random_key();
    let rotation = Rotation {
        id,
        successor_id: generated.id.clone(),
        successor_digest: KeyDigest::of(&generated.text),
        at: noting.at,
        overlap: body.overlap()?,
    };
    match noting.rotate(Some(&key.tenant), &rotation).await.map_err(Problem::from)? {
        RotateOutcome::Rotated(rotated) => {
            let Rotated { replaced, successor } = *rotated;
            let (caller, tenant, key_id) = (&key.caller, &key.tenant, &replaced.id);
            tracing::info!(%caller, %tenant, key_id, successor = successor.id, "key replaced");
            let successor = NewKeySchema::new(generated.text, successor, noting.at);
            let replaced = KeySchema::new(replaced, noting.at);
            Ok(RotateAnswer::Rotated(Json(RotatedSchema { successor, replaced })))
        }
        RotateOutcome::NotWorking => {
            Err(Problem::not_found("there is no key with this id that works").into())
        }
        RotateOutcome::AlreadyRotated => {
            let detail = "the key has a successor already; replace that one, or make a new key";
            Err(Problem::conflict("already_rotated", detail).into())
        }
        RotateOutcome::LimitReached => {
            Err(too_many("revoke one first, or replace it with the overlap 0s").into())
        }
    }
}
