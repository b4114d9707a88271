//! Imports run one way: every edge between packages is in the tables below, which say what ARCHITECTURE.md says.
//! A new edge changes both, or is a mistake.

use std::collections::BTreeSet;
use std::fs;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use e2e_tests::programs::repository;

/// Which package of the workspace may use which others in what it ships.
const NORMAL: [(&str, &[&str]); 11] = [
    ("sentinel-domain", &[]),
    ("sentinel-store", &["sentinel-domain", "sentinel-testkit"]),
    ("sentinel-store-sqlite", &["sentinel-domain", "sentinel-store"]),
    ("sentinel-http", &["sentinel-domain", "sentinel-store", "sentinel-runtime"]),
    ("sentinel-runtime", &[]),
    ("sentinel-testkit", &["sentinel-domain"]),
    ("ingest-svc", &SERVICE),
    ("query-svc", &SERVICE),
    ("simulator", &["sentinel-runtime"]),
    (
        "sentinel-cli",
        &[
            "ingest-svc",
            "query-svc",
            "simulator",
            "sentinel-domain",
            "sentinel-store",
            "sentinel-store-sqlite",
            "sentinel-http",
            "sentinel-runtime",
        ],
    ),
    ("e2e-tests", &[]),
];

const SERVICE: [&str; 5] =
    ["sentinel-domain", "sentinel-store", "sentinel-store-sqlite", "sentinel-http", "sentinel-runtime"];

/// What packages may use in their tests beside that.
const DEV: [(&str, &[&str]); 6] = [
    ("sentinel-store", &["sentinel-store"]),
    ("sentinel-store-sqlite", &["sentinel-store", "sentinel-testkit"]),
    ("sentinel-http", &["sentinel-store", "sentinel-testkit"]),
    ("query-svc", &["sentinel-testkit"]),
    ("simulator", &[]),
    (
        "e2e-tests",
        &[
            "ingest-svc",
            "query-svc",
            "sentinel-domain",
            "sentinel-http",
            "sentinel-store",
            "sentinel-store-sqlite",
            "sentinel-testkit",
        ],
    ),
];

/// The feature with which a store can be made to promise less than it does.
const WEAKENS: &str = "faults";

/// No package of the workspace is used by a build script.
const BUILD: [(&str, &[&str]); 0] = [];

/// Crates from outside that are kept to a few packages: the crate (with `*`: every crate whose name begins so), and
/// who may use it; `(dev)` behind a name: only in its tests.
const CONFINED: [(&str, &[&str]); 14] = [
    ("sqlx*", &["sentinel-store-sqlite", "sentinel-cli", "e2e-tests (dev)"]),
    ("libsqlite3-sys", &["sentinel-store-sqlite"]),
    ("rusqlite", &[]),
    ("poem", &["sentinel-http", "ingest-svc", "query-svc"]),
    ("poem-openapi", &["sentinel-http", "ingest-svc", "query-svc"]),
    ("hyper*", &["sentinel-http"]),
    ("rustls*", &["sentinel-http"]),
    ("tokio-rustls", &["sentinel-http"]),
    ("argon2", &["query-svc"]),
    ("hmac", &["sentinel-http"]),
    ("opentelemetry*", &["sentinel-runtime", "ingest-svc (dev)"]),
    ("prometheus", &["sentinel-runtime"]),
    ("tracing-opentelemetry", &["sentinel-runtime"]),
    ("clap", &["sentinel-runtime", "sentinel-http", "ingest-svc", "query-svc", "simulator", "sentinel-cli"]),
];

#[test]
fn packages_use_each_other_only_as_the_architecture_says() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for (kind, table) in [
        (DependencyKind::Normal, &NORMAL[..]),
        (DependencyKind::Development, &DEV),
        (DependencyKind::Build, &BUILD),
    ] {
        for (package, used) in edges(&metadata, kind) {
            let row = table.iter().find(|(name, _)| *name == package);
            if !row.is_some_and(|(_, allowed)| allowed.contains(&used.as_str())) {
                wrong.push(format!("{package} -> {used} ({kind:?})"));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that the architecture does not have:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_names_every_package_and_only_edges_that_are_there() {
    let metadata = metadata();
    let packages: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let named: BTreeSet<String> = NORMAL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(named, packages);

    for (kind, table) in [(DependencyKind::Normal, &NORMAL[..]), (DependencyKind::Development, &DEV)] {
        let edges = edges(&metadata, kind);
        for (package, allowed) in table {
            for used in *allowed {
                let edge = ((*package).to_owned(), (*used).to_owned());
                assert!(edges.contains(&edge), "{package} no longer uses {used} ({kind:?}): strike it out");
            }
        }
    }
}

#[test]
fn what_tests_need_is_shipped_by_nobody() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            let is_shipped = dependency.kind == DependencyKind::Normal && !dependency.optional;
            let is_for_tests =
                ["sentinel-testkit", "e2e-tests", "proptest"].contains(&dependency.name.as_str());
            let weakens = dependency.features.iter().any(|feature| feature == WEAKENS);
            let is_in_tests = dependency.kind == DependencyKind::Development;
            assert!(is_in_tests || !weakens, "{} asks for the feature {WEAKENS}", package.name);
            let is_fine = !is_shipped || !is_for_tests || package.name.as_str() == "sentinel-testkit";
            assert!(is_fine, "{} ships {}", package.name, dependency.name);
        }
        let default = package.features.get("default");
        assert!(default.is_none_or(Vec::is_empty), "{} has default features", package.name);
    }
}

#[test]
fn crates_from_outside_stay_in_their_packages() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            let in_tests = dependency.kind == DependencyKind::Development;
            for (pattern, allowed) in CONFINED {
                let user = package.name.as_str();
                let in_tests_only = format!("{user} (dev)");
                let may = allowed.contains(&user) || (in_tests && allowed.contains(&in_tests_only.as_str()));
                if is_named(pattern, &dependency.name) && !may {
                    wrong.push(format!("{user} -> {}", dependency.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "crates outside of their packages:\n{}", wrong.join("\n"));
}

#[test]
fn there_is_one_sqlite_and_it_is_the_one_that_was_chosen() {
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("Cargo.lock is in the repository");
    let mut versions = Vec::new();
    for package in lock.split("[[package]]").filter(|package| package.contains("name = \"libsqlite3-sys\"")) {
        let version = package.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
        versions.push(version.expect("a package has a version").to_owned());
    }
    assert!(matches!(&versions[..], [one] if one.starts_with("0.37.")), "libsqlite3-sys: {versions:?}");
}

/// Reads the packages of the workspace and what their manifests ask for.
fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(repository().join("Cargo.toml")).no_deps();
    command.exec().expect("cargo describes the workspace")
}

/// Returns the edges between packages of the workspace.
fn edges(metadata: &Metadata, kind: DependencyKind) -> BTreeSet<(String, String)> {
    let packages = metadata.workspace_packages();
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut edges = BTreeSet::new();
    for package in &packages {
        for dependency in package.dependencies.iter().filter(|one| one.kind == kind) {
            if names.contains(dependency.name.as_str()) {
                edges.insert((package.name.to_string(), dependency.name.clone()));
            }
        }
    }
    edges
}

fn is_named(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |beginning| name.starts_with(beginning))
}
