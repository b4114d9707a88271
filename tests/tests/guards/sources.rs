//! Where names may stand, and what every file looks like.

use e2e_tests::programs::repository;

use super::{TrackedFile, rust_files, tracked_files};

/// Most lines of a source without its tests.
const LINES_MAX: usize = 400;

/// Sources that are tests from their first line to their last, though they do not lie in a folder of tests.
const SUITES: [&str; 1] = ["shared/store/src/conformance.rs"];

/// The folders of the services and of what composes them.
const SERVICES: [&str; 3] = ["ingest-svc/src/", "query-svc/src/", "cli/src/"];

/// Who may name an engine.
const ENGINE_IN: [&str; 7] = [
    "ingest-svc/src/app.rs",
    "query-svc/src/app.rs",
    "cli/src/app.rs",
    "cli/src/backup.rs",
    "cli/src/keys/mod.rs",
    "cli/src/users/mod.rs",
    "cli/src/verify.rs",
];

/// Who may speak SQL beside the engine: what the engine is compared with.
const SQL_IN: [&str; 1] = ["cli/src/bench/plain_rows.rs"];

/// Who may name the HTTP framework.
const FRAMEWORK_IN: [&str; 3] = ["ingest-svc/src/api/", "query-svc/src/api/", "query-svc/src/params/"];

/// Who may make a tenant of a text: never what answers requests, where it comes from the key alone.
const TENANTS_IN: [&str; 15] = [
    // The engine, of what it has stored.
    "shared/store-sqlite/src/backup/verify.rs",
    "shared/store-sqlite/src/counters/minutes.rs",
    "shared/store-sqlite/src/key_store.rs",
    "shared/store-sqlite/src/merge/merger.rs",
    "shared/store-sqlite/src/retention_store.rs",
    "shared/store-sqlite/src/user_store.rs",
    "shared/store-sqlite/src/verify/minutes.rs",
    "shared/store-sqlite/src/verify/rows.rs",
    // The keys that an operator brings along, each with its tenant.
    "shared/store/src/keys/given.rs",
    // The first user, who comes in by the set-up link.
    "shared/store/src/users/mod.rs",
    // What tests are made of.
    "shared/testkit/src/build.rs",
    // Commands of the machine's owner.
    "cli/src/keys/bootstrap.rs",
    "cli/src/keys/create.rs",
    "cli/src/keys/mod.rs",
    "cli/src/up.rs",
];

#[test]
fn only_composition_roots_name_an_engine() {
    let places = lines_with(&["store_sqlite", "SqliteLogStore", "SqliteKeyStore"], &SERVICES);
    assert_within(&places, &ENGINE_IN);
}

#[test]
fn only_what_the_engine_is_compared_with_speaks_sql_beside_it() {
    let places = lines_with(&["sqlx"], &SERVICES);
    assert_within(&places, &SQL_IN);
}

#[test]
fn only_routes_and_parameters_name_the_http_framework() {
    let places = lines_with(&["poem::", "poem_openapi"], &SERVICES);
    assert_within(&places, &FRAMEWORK_IN);
}

#[test]
fn a_tenant_comes_from_a_key_and_from_no_request() {
    // In two parts, so that this line is not found itself.
    let makes_one = concat!("Tenant", "::parse");
    let mut places = Vec::new();
    for file in rust_files().iter().filter(|file| !is_test(file)) {
        let shipped = file.text().lines().take_while(|line| line.trim() != "#[cfg(test)]");
        for (number, line) in (1..).zip(shipped) {
            if line.contains(makes_one) {
                places.push(format!("{}:{number}", file.path));
            }
        }
    }
    assert_within(&places, &TENANTS_IN);
}

#[test]
fn no_sql_is_built_from_texts() {
    // In two parts, so that this line is not found itself.
    let places = lines_with(&[concat!("Assert", "SqlSafe")], &[""]);
    assert!(places.is_empty(), "{places:?}");
}

#[test]
fn every_source_says_first_what_it_is_for() {
    let silent: Vec<String> = rust_files()
        .into_iter()
        .filter(|file| {
            let purpose = file.text().strip_prefix("//! ");
            purpose.is_none_or(|text| text.lines().next().unwrap_or_default().trim().is_empty())
        })
        .map(|file| file.path)
        .collect();
    assert!(silent.is_empty(), "without a purpose in the first line: {silent:?}");
}

#[test]
fn no_source_is_long() {
    let mut long = Vec::new();
    for file in rust_files().iter().filter(|file| !is_test(file)) {
        let lines = file.text().lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        if lines > LINES_MAX {
            long.push(format!("{}: {lines}", file.path));
        }
    }
    assert!(long.is_empty(), "more than {LINES_MAX} lines without tests: {long:?}");
}

#[test]
fn no_file_names_a_place_on_the_machine_it_was_written_on() {
    let home = std::env::var("HOME").unwrap_or_default();
    // A short path, such as `/src`, also stands in files by right.
    let places = [repository().display().to_string(), format!("{home}/.cargo"), format!("{home}/.rustup")];
    let places: Vec<_> = places.iter().filter(|place| place.matches('/').count() > 1).collect();
    let mut found = Vec::new();
    for file in tracked_files() {
        for place in &places {
            if contains(&file.bytes, place.as_bytes()) {
                found.push(format!("{}: {place}", file.path));
            }
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

/// Returns `path:line` of every line of Rust in these folders that contains one of the words.
fn lines_with(words: &[&str], folders: &[&str]) -> Vec<String> {
    let mut places = Vec::new();
    for file in rust_files() {
        if !folders.iter().any(|folder| file.path.starts_with(folder)) {
            continue;
        }
        for (number, line) in (1..).zip(file.text().lines()) {
            if words.iter().any(|word| line.contains(word)) {
                places.push(format!("{}:{number}", file.path));
            }
        }
    }
    places
}

/// Fails unless every place lies in one of these files or folders, and each of those has one.
fn assert_within(places: &[String], allowed: &[&str]) {
    let outside: Vec<_> =
        places.iter().filter(|place| !allowed.iter().any(|path| place.starts_with(path))).collect();
    assert!(outside.is_empty(), "only {allowed:?} may, but {outside:?} do too");
    for path in allowed {
        assert!(places.iter().any(|place| place.starts_with(path)), "{path} no longer does: strike it out");
    }
}

fn is_test(file: &TrackedFile) -> bool {
    let path = file.path.as_str();
    SUITES.contains(&path)
        || path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
