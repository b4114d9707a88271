//! What shippers ask before they send: whether they talk to Elasticsearch, of which version and licence, and whether the
//! settings are there that they would make otherwise. Nothing of it is kept; what a shipper sets is acknowledged.
//!
//! Source: <https://www.elastic.co/docs/api/doc/elasticsearch>.

use serde_json::{Value, json};

/// The version whose protocol is spoken: shippers of version 8 and 9 send to it.
const VERSION: &str = "8.19.0";

/// The cluster's name and id; shippers only show them.
const CLUSTER_NAME: &str = "log-sentinel";
const CLUSTER_UUID: &str = "bG9nLXNlbnRpbmVsLWVzMQ";

/// Settings of a cluster.
#[derive(Debug, Clone, Copy)]
pub(super) enum Setting {
    IndexTemplate,
    LifecyclePolicy,
    IngestPipeline,
    Index,
}

/// `GET /`
pub(super) fn info() -> Value {
    json!({
        "name": CLUSTER_NAME,
        "cluster_name": CLUSTER_NAME,
        "cluster_uuid": CLUSTER_UUID,
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "docker",
            "build_hash": "0000000000000000000000000000000000000000",
            "build_date": "2025-07-23T22:10:18.138215839Z",
            "build_snapshot": false,
            "lucene_version": "9.12.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    })
}

/// `GET /_license`
pub(super) fn license() -> Value {
    json!({
        "license": {
            "status": "active",
            "uid": "00000000-0000-0000-0000-000000000000",
            "type": "basic",
            "issue_date": "2025-01-01T00:00:00.000Z",
            "issue_date_in_millis": 1_735_689_600_000_i64,
            "max_nodes": 1000,
            "max_resource_units": null,
            "issued_to": CLUSTER_NAME,
            "issuer": "elasticsearch",
            "start_date_in_millis": -1,
        }
    })
}

/// `GET /_xpack`
pub(super) fn features() -> Value {
    json!({
        "build": {},
        "license": {"uid": "00000000-0000-0000-0000-000000000000", "type": "basic", "mode": "basic", "status": "active"},
        "features": {
            "data_streams": {"available": true, "enabled": true},
            "ilm": {"available": true, "enabled": true},
            "security": {"available": true, "enabled": true},
        },
        "tagline": "You know, for X",
    })
}

/// `GET /_cluster/health`
pub(super) fn health() -> Value {
    json!({
        "cluster_name": CLUSTER_NAME,
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 1,
        "active_shards": 1,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
    })
}

/// `GET /_cat/health`, as with `format=json`.
pub(super) fn cat_health() -> Value {
    json!([{"cluster": CLUSTER_NAME, "status": "green", "node.total": "1", "node.data": "1"}])
}

/// `GET` of a setting
pub(super) fn setting(setting: Setting, name: &str) -> Value {
    match setting {
        Setting::IndexTemplate => json!({
            "index_templates": [{
                "name": name,
                "index_template": {"index_patterns": [], "composed_of": [], "priority": 0, "data_stream": {}},
            }]
        }),
        Setting::LifecyclePolicy => json!({name: {"version": 1, "policy": {"phases": {}}}}),
        Setting::IngestPipeline => json!({name: {"processors": []}}),
        Setting::Index => json!({name: {"aliases": {}, "mappings": {}, "settings": {}}}),
    }
}

/// `PUT` of a setting
pub(super) fn acknowledged() -> Value {
    json!({"acknowledged": true})
}
