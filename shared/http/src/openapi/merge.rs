//! One document for two services that share one origin.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::finish::DocumentError;
use super::writer::write_sorted;

/// Joins two documents under a title and a description of their own. Version and servers are the first's; so is an operation that both have, such
/// as `/health`, because the first service's route is the one that answers.
///
/// # Errors
/// [`DocumentError::Conflict`] when both have a schema, a security scheme or an operation id of one name that
/// is not the same thing.
pub fn merge_documents(
    title: &str,
    description: &str,
    first: &str,
    second: &str,
) -> Result<String, DocumentError> {
    let mut merged: Value = serde_json::from_str(first)?;
    merged["info"]["title"] = title.into();
    merged["info"]["description"] = description.into();
    let mut other: Value = serde_json::from_str(second)?;
    merge_paths(&mut merged["paths"], other["paths"].take());
    for section in ["schemas", "securitySchemes"] {
        merge_section(section, &mut merged["components"][section], other["components"][section].take())?;
    }
    merge_tags(&mut merged["tags"], other["tags"].take());
    check_operation_ids(&merged["paths"])?;
    Ok(write_sorted(&merged))
}

fn merge_paths(paths: &mut Value, others: Value) {
    for (path, operations) in into_members(others) {
        let known = members_of(paths).entry(path).or_insert_with(|| Value::Object(Map::new()));
        for (method, operation) in into_members(operations) {
            members_of(known).entry(method).or_insert(operation);
        }
    }
}

fn merge_section(section: &'static str, known: &mut Value, others: Value) -> Result<(), DocumentError> {
    for (name, value) in into_members(others) {
        match members_of(known).get(&name) {
            Some(same) if *same == value => {}
            Some(_) => return Err(DocumentError::Conflict { section, name }),
            None => drop(members_of(known).insert(name, value)),
        }
    }
    Ok(())
}

fn merge_tags(tags: &mut Value, others: Value) {
    let Value::Array(others) = others else { return };
    if tags.is_null() {
        *tags = Value::Array(Vec::new());
    }
    let Value::Array(tags) = tags else { return };
    for tag in others {
        if !tags.iter().any(|known| known["name"] == tag["name"]) {
            tags.push(tag);
        }
    }
}

fn check_operation_ids(paths: &Value) -> Result<(), DocumentError> {
    let mut seen = BTreeSet::new();
    let operations = paths.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object);
    for operation in operations.flat_map(Map::values) {
        let Some(id) = operation["operationId"].as_str() else { continue };
        if !seen.insert(id) {
            return Err(DocumentError::Conflict { section: "the operation id", name: id.to_owned() });
        }
    }
    Ok(())
}

/// Returns the members of an object; of anything else it makes an empty object first.
fn members_of(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made an object just now")
}

fn into_members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(title: &str, paths: &Value, schemas: &Value) -> String {
        json!({
            "openapi": "3.0.0", "info": {"title": title, "version": "1"}, "tags": [{"name": title}],
            "paths": paths, "components": {"schemas": schemas},
        })
        .to_string()
    }

    fn operation(id: &str) -> Value {
        json!({"operationId": id, "responses": {}})
    }

    #[test]
    fn paths_methods_schemas_and_tags_are_joined() {
        let ingest = json!({"/logs": {"post": operation("post")}, "/health": {"get": operation("health")}});
        let query = json!({"/logs": {"get": operation("list")}, "/stats": {"get": operation("stats")}});
        let problem = json!({"type": "object"});
        let first = document("ingest", &ingest, &json!({"Problem": problem}));
        let second = document("query", &query, &json!({"Problem": problem, "Stats": {}}));

        let merged: Value =
            serde_json::from_str(&merge_documents("Both", "Of both.", &first, &second).unwrap()).unwrap();

        assert_eq!(merged["info"]["title"], "Both");
        assert_eq!(merged["paths"].as_object().unwrap().len(), 3);
        assert_eq!(merged["paths"]["/logs"].as_object().unwrap().len(), 2);
        assert_eq!(merged["components"]["schemas"].as_object().unwrap().len(), 2);
        assert_eq!(merged["tags"], json!([{"name": "ingest"}, {"name": "query"}]));
    }

    #[test]
    fn an_operation_that_both_have_is_the_firsts() {
        let with = |summary| json!({"/health": {"get": {"operationId": "health", "summary": summary}}});
        let first = document("a", &with("first"), &json!({}));
        let merged =
            merge_documents("Both", "Of both.", &first, &document("b", &with("second"), &json!({}))).unwrap();
        assert!(merged.contains("first") && !merged.contains("second"), "{merged}");
    }

    #[test]
    fn one_name_for_two_things_is_an_error() {
        let schemas = |ty| document("a", &json!({}), &json!({"Answer": {"type": ty}}));
        let error = merge_documents("Both", "Of both.", &schemas("object"), &schemas("array")).unwrap_err();
        assert_eq!(error.to_string(), "both documents have schemas Answer, and they differ");

        let path = |path: &str| document("a", &json!({path: {"get": operation("read")}}), &json!({}));
        assert!(merge_documents("Both", "Of both.", &path("/a"), &path("/b")).is_err());
    }
}
