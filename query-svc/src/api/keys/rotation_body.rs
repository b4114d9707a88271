//! The body of `POST /api/v1/keys/{id}/rotate`, which may be empty.

use poem_openapi::Object;
use sentinel_http::Problem;
use serde::Deserialize;
use store::keys::rotation::Overlap;

use super::json_body::{BodySchema, JsonBody};

/// How a key is to be replaced, as a client sends it.
pub(super) type RotationBody = JsonBody<RotationSchema>;

/// How to replace an API key.
#[derive(Object)]
#[oai(rename = "ApiKeyRotation", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct RotationSchema {
    /// How long the key that is replaced goes on working: a number and s, m, h, d or w; `0s`: not at all. Missing: `24h`.
    overlap: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RotationText {
    overlap: Option<String>,
}

impl BodySchema for RotationSchema {
    const DESCRIPTION: &'static str = "How to replace it; may be empty.";
    const NAME: &'static str = "rotation";
    const REQUIRED: bool = false;
}

impl RotationBody {
    /// Reads the overlap.
    ///
    /// # Errors
    /// A 400 with the reason.
    pub(super) fn overlap(&self) -> Result<Overlap, Problem> {
        if self.is_empty() {
            return Ok(Overlap::DEFAULT);
        }
        let RotationText { overlap } = self.parse()?;
        let Some(overlap) = overlap else { return Ok(Overlap::DEFAULT) };
        overlap.parse().map_err(|error| Problem::bad_request("invalid_rotation", format!("overlap: {error}")))
    }
}
