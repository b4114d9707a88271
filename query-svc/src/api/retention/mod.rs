//! Rules that delete old logs by themselves: the page of routes.

mod add_rule;
mod list_rules;
mod preview_rules;
mod remove_rule;
mod rule_body;
mod rule_schema;

use poem::{Request, Result};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use sentinel_http::{Authorized, Delete, OperationNotes, ProblemNote};

use super::{Context, Group, json_body, noting};
use crate::params::names;
use add_rule::AddAnswer;
use list_rules::RulesAnswer;
use preview_rules::PreviewsAnswer;
use remove_rule::RemoveAnswer;
use rule_body::RuleBody;

/// The operations on retention rules.
#[derive(Clone)]
pub struct RetentionApi(pub Context);

#[OpenApi]
impl RetentionApi {
    /// List retention rules
    ///
    /// Returns the rules by which old logs are deleted, oldest first.
    #[oai(
        path = "/api/v1/retention-rules",
        method = "get",
        operation_id = "listRetentionRules",
        tag = "Group::Retention"
    )]
    async fn list_rules(&self, key: Authorized<Delete>, request: &Request) -> Result<RulesAnswer> {
        list_rules::handle(&self.0, &key, request).await
    }

    /// Make a retention rule
    ///
    /// From now on, the logs that its filter selects are deleted when they arrived longer ago than `max_age`, or
    /// when newer ones take `max_bytes`; by the time of arrival, whatever their senders say. Applied every minute.
    #[oai(
        path = "/api/v1/retention-rules",
        method = "post",
        operation_id = "addRetentionRule",
        tag = "Group::Retention"
    )]
    async fn add_rule(
        &self,
        key: Authorized<Delete>,
        request: &Request,
        body: RuleBody,
    ) -> Result<AddAnswer> {
        add_rule::handle(&self.0, &key, request, body).await
    }

    /// Preview retention rules
    ///
    /// Returns for every rule how many logs it would delete now, exactly, and from which time of arrival on it
    /// keeps them. A log that two rules select is counted by both.
    #[oai(
        path = "/api/v1/retention-rules/preview",
        method = "get",
        operation_id = "previewRetentionRules",
        tag = "Group::Retention"
    )]
    async fn preview_rules(&self, key: Authorized<Delete>, request: &Request) -> Result<PreviewsAnswer> {
        preview_rules::handle(&self.0, &key, request).await
    }

    /// Remove a retention rule
    ///
    /// What it has deleted stays deleted.
    #[oai(
        path = "/api/v1/retention-rules/:id",
        method = "delete",
        operation_id = "removeRetentionRule",
        tag = "Group::Retention"
    )]
    async fn remove_rule(
        &self,
        key: Authorized<Delete>,
        request: &Request,
        /// The rule's id.
        #[oai(example = "example_rule_id")]
        id: Path<i64>,
    ) -> Result<RemoveAnswer> {
        remove_rule::handle(&self.0, &key, request, id.0).await
    }
}

fn example_rule_id() -> i64 {
    3
}

/// What the document says of these operations beside what their code says.
pub(super) const NOTES: &[OperationNotes] = &[
    OperationNotes {
        operations: &["addRetentionRule"],
        query: &[names::NEW_RULE],
        problems: &[
            ProblemNote { status: 409, description: "There are as many rules as there may be: 100." },
            ProblemNote { status: 507, description: "The disk is full; no rule was made." },
        ],
    },
    OperationNotes {
        operations: &["removeRetentionRule"],
        query: &[],
        problems: &[ProblemNote { status: 404, description: "There is no rule with this id." }],
    },
];
