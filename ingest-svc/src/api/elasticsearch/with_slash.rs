//! Paths with a slash at their end, which poem-openapi takes away from what is declared.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaApi, Registry};

/// The operations of `A`, with a slash at the end of each path.
#[derive(Debug, Clone, Copy)]
pub struct WithSlash<A>(pub(super) A);

impl<A: OpenApi> OpenApi for WithSlash<A> {
    fn meta() -> Vec<MetaApi> {
        let mut apis = A::meta();
        for path in apis.iter_mut().flat_map(|api| &mut api.paths) {
            path.path.push('/');
        }
        apis
    }

    fn register(registry: &mut Registry) {
        A::register(registry);
    }

    fn add_routes(self, route_table: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        let mut routes = HashMap::new();
        self.0.add_routes(&mut routes);
        route_table.extend(routes.into_iter().map(|(path, methods)| (path + "/", methods)));
    }
}
