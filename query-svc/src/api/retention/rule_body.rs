//! The body of `POST /api/v1/retention-rules`: read within limits, and told all that is wrong with it.

use domain::{ByteSize, Keep, MaxAge, NewRetentionRule, Tenant, Timestamp};
use poem_openapi::Object;
use sentinel_http::Problem;
use serde::Deserialize;

use super::json_body::{BodySchema, JsonBody};
use crate::params::parse_timeless_filter;

/// A retention rule as a client sends it.
pub(super) type RuleBody = JsonBody<RuleSchema>;

/// A retention rule to make; with `max_age`, `max_bytes` or both.
#[derive(Object)]
#[oai(rename = "NewRetentionRule", write_only_all)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct RuleSchema {
    /// What to call it. Example: `debug for a week`.
    #[oai(validator(min_length = 1, max_length = 128))]
    name: String,
    /// Which logs it is about, as the query string of `GET /logs` without times: `service`, `severity`, `level`,
    /// `min_severity`, `attr.<name>`, `q` (which names no time either). Missing: all. Example: `level=DEBUG,TRACE`.
    #[oai(validator(max_length = 32_768))]
    filter: Option<String>,
    /// Delete logs that arrived longer ago than this: a number and s, m, h, d or w. Example: `7d`.
    max_age: Option<String>,
    /// Delete the logs that arrived first when all of them take more than this in the store: a number and B, KB,
    /// MB, GB, TB, KiB, MiB, GiB or TiB. Example: `50GiB`.
    max_bytes: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    name: String,
    filter: Option<String>,
    max_age: Option<String>,
    max_bytes: Option<String>,
}

impl BodySchema for RuleSchema {
    const DESCRIPTION: &'static str = "The rule.";
    const NAME: &'static str = "retention rule";
}

impl RuleBody {
    /// Reads the rule.
    ///
    /// # Errors
    /// A 400 with all reasons.
    pub(super) fn read(&self, tenant: &Tenant, created_at: Timestamp) -> Result<NewRetentionRule, Problem> {
        let text: RuleText = self.parse()?;
        let mut reasons = Vec::new();
        let filter = text.filter.unwrap_or_default();
        let mut note =
            |field: &str, reason: &dyn std::fmt::Display| reasons.push(format!("{field}: {reason}"));
        if let Err(error) = NewRetentionRule::check_name(&text.name) {
            note("name", &error);
        }
        if let Err(error) = NewRetentionRule::check_filter_length(&filter) {
            note("filter", &error);
        } else if let Err(problem) = parse_timeless_filter(&filter) {
            note("filter", &problem.detail());
        }
        let max_age = text.max_age.as_deref().map(MaxAge::parse).transpose();
        let max_age = max_age.inspect_err(|error| note("max_age", error));
        let max_bytes = text.max_bytes.as_deref().map(ByteSize::parse).transpose();
        let max_bytes = max_bytes.inspect_err(|error| note("max_bytes", error));
        let keep = match (max_age, max_bytes) {
            (Ok(max_age), Ok(max_bytes)) => {
                Keep::new(max_age, max_bytes).inspect_err(|error| note("rule", error))
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        match keep {
            Ok(keep) if reasons.is_empty() => {
                Ok(NewRetentionRule { name: text.name, tenant: tenant.clone(), filter, keep, created_at })
            }
            _ => Err(Problem::bad_request("invalid_rule", reasons.join("; "))),
        }
    }
}
