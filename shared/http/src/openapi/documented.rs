//! An API with its notes.

use std::collections::HashMap;
use std::marker::PhantomData;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaApi, MetaOperation, MetaPath, Registry};

use super::notes::{Notes, OperationNotes, ProblemNote, QueryParameter};
use crate::problem::ProblemBody;

/// The API `A` with the notes `N`. Wrap the whole tuple of a service's APIs: operations of different APIs that
/// share a path are brought together, which poem-openapi would write as the same key twice.
#[derive(Debug)]
pub struct Documented<A, N> {
    api: A,
    notes: PhantomData<fn() -> N>,
}

impl<A, N> Documented<A, N> {
    /// Adds the notes to an API.
    pub fn new(api: A) -> Self {
        Self { api, notes: PhantomData }
    }
}

impl<A: OpenApi, N: Notes> Documented<A, N> {
    /// Returns the operations that the notes speak of and the API does not have. For a test: there are none.
    #[must_use]
    pub fn unknown_operations() -> Vec<&'static str> {
        let paths = A::meta().into_iter().flat_map(|api| api.paths);
        let ids: Vec<_> = paths.flat_map(|path| path.operations).filter_map(|one| one.operation_id).collect();
        let noted = N::OPERATIONS.iter().copied().flatten().flat_map(|notes| notes.operations);
        noted.copied().filter(|id| !ids.contains(id)).collect()
    }
}

impl<A: OpenApi, N: Notes> OpenApi for Documented<A, N> {
    fn meta() -> Vec<MetaApi> {
        let mut paths: Vec<MetaPath> = Vec::new();
        for path in A::meta().into_iter().flat_map(|api| api.paths) {
            match paths.iter_mut().find(|known| known.path == path.path) {
                Some(known) => known.operations.extend(path.operations),
                None => paths.push(path),
            }
        }
        for operation in paths.iter_mut().flat_map(|path| &mut path.operations) {
            annotate::<N>(operation);
        }
        vec![MetaApi { paths }]
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
        A::register(registry);
    }

    fn add_routes(self, route_table: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        self.api.add_routes(route_table);
    }
}

fn annotate<N: Notes>(operation: &mut MetaOperation) {
    let id = operation.operation_id.unwrap_or_default();
    let own = N::OPERATIONS.iter().copied().flatten().filter(|notes| notes.operations.contains(&id));
    for OperationNotes { query, problems, .. } in own {
        query.iter().copied().flatten().for_each(|parameter| add_parameter(operation, *parameter));
        problems.iter().for_each(|problem| add_problem(operation, *problem));
    }
    let has_key = !operation.security.is_empty();
    let has_body = operation.request.is_some();
    let has_input = has_key || has_body || !operation.params.is_empty();
    let groups =
        [(true, N::EVERYWHERE), (has_input, N::WITH_INPUT), (has_key, N::WITH_KEY), (has_body, N::WITH_BODY)];
    for (_, problems) in groups.into_iter().filter(|(applies, _)| *applies) {
        problems.iter().for_each(|problem| add_problem(operation, *problem));
    }
    operation.responses.responses.sort_by_key(|response| response.status);
}

/// Adds a parameter, unless the operation declares it itself.
fn add_parameter(operation: &mut MetaOperation, parameter: QueryParameter) {
    let parameter = parameter.to_meta();
    let is_same = |known: &_| {
        let known: &poem_openapi::registry::MetaOperationParam = known;
        known.name == parameter.name && known.in_type == parameter.in_type
    };
    if !operation.params.iter().any(is_same) {
        operation.params.push(parameter);
    }
}

/// Adds a problem, unless the operation says itself what it answers with this status.
fn add_problem(operation: &mut MetaOperation, problem: ProblemNote) {
    let responses = &mut operation.responses.responses;
    if !responses.iter().any(|response| response.status == Some(problem.status)) {
        responses.push(problem.to_meta());
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::param::Query;
    use poem_openapi::payload::{Json, PlainText};
    use poem_openapi::{OpenApi, OpenApiService};
    use serde_json::{Value, json};

    use super::super::finish_document;
    use super::super::notes::ParameterKind;
    use super::*;
    use crate::{Authorized, Read};

    struct Readers;

    #[OpenApi]
    impl Readers {
        #[oai(path = "/logs", method = "get", operation_id = "list")]
        async fn list(&self, _caller: Authorized<Read>, _limit: Query<Option<u32>>) -> PlainText<String> {
            PlainText(String::new())
        }
    }

    struct Writers;

    #[OpenApi]
    impl Writers {
        #[oai(path = "/logs", method = "post", operation_id = "post")]
        async fn post(&self, _body: Json<Vec<String>>) -> PlainText<String> {
            PlainText(String::new())
        }
    }

    const SERVICE: QueryParameter = QueryParameter {
        name: "service",
        description: "Only of this service.",
        kind: ParameterKind::Text,
        example: "auth",
        repeatable: true,
    };
    const LIMIT: QueryParameter = QueryParameter {
        name: "_limit",
        description: "Declared by the handler, so this is left out.",
        kind: ParameterKind::Integer { min: 1 },
        example: "100",
        repeatable: false,
    };

    struct TestNotes;

    impl Notes for TestNotes {
        const OPERATIONS: &'static [&'static [OperationNotes]] = &[&[
            OperationNotes {
                operations: &["list"],
                query: &[&[SERVICE, LIMIT]],
                problems: &[ProblemNote { status: 400, description: "A filter is wrong." }],
            },
            OperationNotes {
                operations: &["post"],
                query: &[],
                problems: &[ProblemNote { status: 507, description: "Full." }],
            },
        ]];
    }

    type Both = Documented<(Readers, Writers), TestNotes>;

    fn document() -> Value {
        let service = OpenApiService::new(Both::new((Readers, Writers)), "test", "1");
        serde_json::from_str(&finish_document(&service.spec()).unwrap()).unwrap()
    }

    #[test]
    fn operations_of_two_apis_on_one_path_are_both_there() {
        let document = document();
        let operations = document["paths"]["/logs"].as_object().unwrap();
        assert_eq!(operations.keys().collect::<Vec<_>>(), ["get", "post"]);
    }

    #[test]
    fn parameters_are_added_once() {
        let document = document();
        let parameters = document["paths"]["/logs"]["get"]["parameters"].as_array().unwrap();
        let names: Vec<_> = parameters.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["_limit", "service"]);
        assert_eq!(parameters[1]["schema"], json!({"type": "array", "items": {"type": "string"}}));
        assert_eq!(parameters[1]["description"], "Only of this service. Example: `auth`.");
    }

    #[test]
    fn problems_are_described_where_they_can_happen() {
        let document = document();
        let statuses = |method: &str| {
            let responses = document["paths"]["/logs"][method]["responses"].as_object().unwrap();
            responses.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(statuses("get"), ["200", "400", "401", "403", "429", "500", "503"]);
        assert_eq!(statuses("post"), ["200", "400", "408", "413", "415", "500", "507"]);

        let wrong_filter = &document["paths"]["/logs"]["get"]["responses"]["400"];
        assert_eq!(wrong_filter["description"], "A filter is wrong.");
        let schema = &wrong_filter["content"]["application/problem+json"]["schema"];
        assert_eq!(*schema, json!({"$ref": "#/components/schemas/Problem"}));
        assert_eq!(document["components"]["schemas"]["Problem"]["properties"]["status"]["type"], "integer");
    }

    #[test]
    fn a_note_on_an_operation_that_is_not_there_is_found() {
        assert!(Both::unknown_operations().is_empty());
        assert_eq!(Documented::<Readers, TestNotes>::unknown_operations(), ["post"]);
    }
}
