//! What the logs come to: counts, rates, error messages, services, fields. The page of routes.
//!
//! What can be counted is counted exactly, by [`store::LogStore::count_by`]. What has to be read in records is gathered
//! from the newest of them, by `scan_newest`: up to a number of records and until a deadline, and the answer says
//! whether that was everything.
//!
//! `asked` what is asked for; `summary`, `frequencies`, `error_templates`, `category_tally` what is added up;
//! `record_field` the fields by their names.

mod asked;
mod categories;
mod category_tally;
mod error_templates;
mod field_values;
mod fields;
mod frequencies;
mod names;
mod overview;
mod record_field;
mod scan_newest;
mod series;
mod service;
mod services;
mod summary;
mod system;
#[cfg(test)]
mod tests;
mod timeseries;

use std::time::{Duration, Instant};

use poem::{Request, Result};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use sentinel_http::{Authorized, OperationNotes, Read};

use super::{Context, Group};
use crate::params::names::FILTER;
use categories::CategoriesAnswer;
use field_values::ValuesAnswer;
use fields::FieldsAnswer;
use overview::OverviewAnswer;
use service::ServiceAnswer;
use services::ServicesAnswer;
use system::SystemAnswer;
use timeseries::SeriesAnswer;

/// How long fields and values may be looked for (5 s): somebody is typing.
const DISCOVERY_MAX: Duration = Duration::from_secs(5);

/// The operations that sum logs up.
#[derive(Clone)]
pub struct MetricsApi(pub Context);

#[OpenApi]
impl MetricsApi {
    /// Sum up all services
    ///
    /// Returns how many logs the filters select, per minute, by level and by service, and the share of errors. Without
    /// a time: of the last 24 hours.
    #[oai(
        path = "/api/v1/metrics/overview",
        method = "get",
        operation_id = "getOverview",
        tag = "Group::Metrics"
    )]
    async fn get_overview(&self, key: Authorized<Read>, request: &Request) -> Result<OverviewAnswer> {
        overview::handle(&self.0, &key, request).await
    }

    /// Sum up every service
    ///
    /// Returns the same as the overview, with a row for every service: also for those that the filters may select and
    /// that have no log in the time that is meant. Without a time: of the last 24 hours.
    #[oai(
        path = "/api/v1/metrics/system",
        method = "get",
        operation_id = "getSystem",
        tag = "Group::Metrics"
    )]
    async fn get_system(&self, key: Authorized<Read>, request: &Request) -> Result<SystemAnswer> {
        system::handle(&self.0, &key, request).await
    }

    /// Sum up one service
    ///
    /// Returns the same for one service, and what its errors say most often: messages that differ in numbers, ids and
    /// quoted parts only count as one. The newest million of errors is looked at. A service that is not known is one
    /// that is quiet: its counts are zero. Without a time: of the last 24 hours.
    #[oai(
        path = "/api/v1/metrics/service/:name",
        method = "get",
        operation_id = "getServiceMetrics",
        tag = "Group::Metrics"
    )]
    async fn get_service_metrics(
        &self,
        key: Authorized<Read>,
        request: &Request,
        /// The service.
        #[oai(example = "example_service")]
        name: Path<String>,
    ) -> Result<ServiceAnswer> {
        service::handle(&self.0, &key, request, &name.0).await
    }

    /// Count logs over time
    ///
    /// Returns how many of the logs that all given filters select happened in each interval; also where there are
    /// none. The first interval starts at a multiple of its length, at `from` or before it. Without a time: the last
    /// hour.
    #[oai(
        path = "/api/v1/metrics/timeseries",
        method = "get",
        operation_id = "getTimeseries",
        tag = "Group::Metrics"
    )]
    async fn get_timeseries(&self, key: Authorized<Read>, request: &Request) -> Result<SeriesAnswer> {
        timeseries::handle(&self.0, &key, request).await
    }

    /// Sum up categories
    ///
    /// Returns for every value of the attribute `category` how many logs have it, how many of them went well (`status`)
    /// and how long they took (`execution_time_seconds`). The newest million of logs with a category is looked at.
    /// A percentile is the smallest of the values that so many do not exceed. Without a time: of the last 24 hours.
    #[oai(
        path = "/api/v1/metrics/categories",
        method = "get",
        operation_id = "getCategories",
        tag = "Group::Metrics"
    )]
    async fn get_categories(&self, key: Authorized<Read>, request: &Request) -> Result<CategoriesAnswer> {
        categories::handle(&self.0, &key, request).await
    }

    /// List services
    ///
    /// Returns every service that has logs, by name, with exact counts. As fast with a hundred million logs as with
    /// ten.
    #[oai(path = "/api/v1/services", method = "get", operation_id = "listServices", tag = "Group::Metrics")]
    async fn list_services(&self, key: Authorized<Read>, request: &Request) -> Result<ServicesAnswer> {
        services::handle(&self.0, &key, request).await
    }

    /// List fields
    ///
    /// Returns the fields that logs have: those that every log can have, and the attributes of the newest 10000 logs
    /// that the filters select.
    #[oai(path = "/api/v1/fields", method = "get", operation_id = "listFields", tag = "Group::Metrics")]
    async fn list_fields(&self, key: Authorized<Read>, request: &Request) -> Result<FieldsAnswer> {
        fields::handle(&self.0, &key, request).await
    }

    /// List a field's values
    ///
    /// Returns the values that a field has most often. Those of `service`, `severity` and `level` are counted in all
    /// logs that the filters select; those of other fields and of attributes in the newest 100000 that have the field.
    #[oai(
        path = "/api/v1/fields/:name/values",
        method = "get",
        operation_id = "listFieldValues",
        tag = "Group::Metrics"
    )]
    async fn list_field_values(
        &self,
        key: Authorized<Read>,
        request: &Request,
        /// The field: its name, or an attribute's names with dots between them.
        #[oai(example = "example_field")]
        name: Path<String>,
    ) -> Result<ValuesAnswer> {
        field_values::handle(&self.0, &key, request, &name.0).await
    }
}

fn example_service() -> String {
    "payment-service".to_owned()
}

fn example_field() -> String {
    "http.status".to_owned()
}

/// Returns when a look for fields or values that begins now has to be done.
fn discovery_deadline(context: &Context) -> Instant {
    context.deadline().min(Instant::now() + DISCOVERY_MAX)
}

/// What the document says of these operations beside what their code says.
pub(super) const NOTES: &[OperationNotes] = &[
    OperationNotes {
        operations: &["getOverview", "getSystem", "getCategories", "listFields"],
        query: &[FILTER],
        problems: &[],
    },
    OperationNotes { operations: &["getServiceMetrics"], query: &[FILTER, names::TOP], problems: &[] },
    OperationNotes { operations: &["getTimeseries"], query: &[FILTER, names::SERIES], problems: &[] },
    OperationNotes { operations: &["listFieldValues"], query: &[FILTER, names::VALUES], problems: &[] },
];
