//! The routes of an app: which methods a path knows, and by which name it goes in the log.

use poem::http::{HeaderValue, Method};
use poem_openapi::OpenApi;

/// The paths of an app with their methods.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
}

#[derive(Debug, Clone)]
struct Route {
    path: String,
    methods: Vec<Method>,
}

impl RouteTable {
    /// Returns the routes that the document of `A` lists.
    #[must_use]
    pub fn of<A: OpenApi>() -> Self {
        let paths = A::meta().into_iter().flat_map(|api| api.paths);
        paths.fold(Self::default(), |table, path| {
            let methods: Vec<_> = path.operations.into_iter().map(|operation| operation.method).collect();
            table.with(&path.path, &methods)
        })
    }

    /// Adds a route. `{name}` in `path` stands for any one segment.
    #[must_use]
    pub fn with(mut self, path: &str, methods: &[Method]) -> Self {
        match self.routes.iter_mut().find(|route| route.path == path) {
            Some(route) => route.methods.extend_from_slice(methods),
            None => self.routes.push(Route { path: path.to_owned(), methods: methods.to_vec() }),
        }
        self
    }

    /// Adds all routes of `other`.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        other.routes.iter().fold(self, |table, route| table.with(&route.path, &route.methods))
    }

    /// Returns the routes of these paths alone.
    #[must_use]
    pub fn only(&self, paths: &[&str]) -> Self {
        let routes = self.routes.iter().filter(|route| paths.contains(&route.path.as_str()));
        Self { routes: routes.cloned().collect() }
    }

    /// Returns the route's path as it is declared; safe to log, and one of few.
    #[must_use]
    pub fn name_of(&self, path: &str) -> Option<&str> {
        self.find(path).map(|route| route.path.as_str())
    }

    /// Returns what `Allow` says about a path.
    #[must_use]
    pub fn allowed(&self, path: &str) -> Option<HeaderValue> {
        let mut names: Vec<_> = self.find(path)?.methods.iter().map(Method::as_str).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.sort_unstable();
        names.dedup();
        HeaderValue::from_str(&names.join(", ")).ok()
    }

    /// Returns the route of a path; one without placeholders wins.
    fn find(&self, path: &str) -> Option<&Route> {
        let exact = self.routes.iter().find(|route| route.path == path);
        exact.or_else(|| self.routes.iter().find(|route| is_match(&route.path, path)))
    }
}

fn is_match(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(expected), Some(segment)) if expected == segment => {}
            (Some(expected), Some(segment)) if expected.starts_with('{') && !segment.is_empty() => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> RouteTable {
        RouteTable::default()
            .with("/logs/{id}", &[Method::GET])
            .with("/logs/{id}/context", &[Method::GET])
            .with("/logs/tail", &[Method::POST])
            .with("/logs", &[Method::POST])
            .with("/logs", &[Method::GET, Method::DELETE])
    }

    #[test]
    fn a_path_finds_its_route() {
        let expected = [
            ("/logs", Some("/logs")),
            ("/logs/7", Some("/logs/{id}")),
            ("/logs/7/context", Some("/logs/{id}/context")),
            ("/logs/tail", Some("/logs/tail")),
            ("/logs/", None),
            ("/logs/7/", None),
            ("/", None),
            ("/other", None),
        ];
        for (path, route) in expected {
            assert_eq!(table().name_of(path), route, "{path}");
        }
    }

    #[test]
    fn the_methods_of_a_path_are_listed_once_each_in_order() {
        assert_eq!(table().allowed("/logs").unwrap(), "DELETE, GET, HEAD, POST");
        assert_eq!(table().allowed("/logs/9").unwrap(), "GET, HEAD");
        assert_eq!(table().allowed("/logs/tail").unwrap(), "POST");
        assert_eq!(table().allowed("/nothing"), None);
    }

    #[test]
    fn a_table_can_be_narrowed_to_some_paths() {
        let narrowed = table().only(&["/logs", "/nothing"]);
        assert_eq!(narrowed.allowed("/logs"), table().allowed("/logs"));
        assert_eq!((narrowed.name_of("/logs/7"), narrowed.name_of("/nothing")), (None, None));
    }

    #[test]
    fn tables_can_be_joined() {
        let joined = table().and(&RouteTable::default().with("/logs", &[Method::PUT]));
        assert_eq!(joined.allowed("/logs").unwrap(), "DELETE, GET, HEAD, POST, PUT");
    }
}
