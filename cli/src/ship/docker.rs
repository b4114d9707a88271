//! Docker's json-file logs: one JSON object a line, and what the file beside them says of the container.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// Where Docker's own labels say which service and project of Compose a container is of.
const COMPOSE_SERVICE: &str = "com.docker.compose.service";
const COMPOSE_PROJECT: &str = "com.docker.compose.project";

/// How much of a container's id is its name where it has none, as `docker ps` shows it.
const SHORT_ID_CHARS: usize = 12;

/// A line of a json-file: what a container wrote, up to a line end or 16 KiB of a longer line.
#[derive(Debug, Deserialize)]
pub(crate) struct DockerLine<'a> {
    /// The text, with its line end if this is the end of a line.
    #[serde(borrow)]
    pub(crate) log: Cow<'a, str>,
    /// `stdout` or `stderr`.
    #[serde(borrow, default)]
    pub(crate) stream: Cow<'a, str>,
    /// When Docker took it, RFC 3339.
    #[serde(borrow, default)]
    pub(crate) time: Cow<'a, str>,
}

/// A container, as `config.v2.json` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Container {
    /// The Compose service, or else the container's name.
    pub(crate) service: String,
    /// The Compose project.
    pub(crate) project: Option<String>,
    /// The container's name.
    pub(crate) name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ConfigFile {
    name: String,
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    labels: Option<HashMap<String, String>>,
}

impl Container {
    /// Reads the container whose log this is. Without its `config.v2.json` all that is known is its id.
    pub(crate) fn of_log(log: &Path) -> Self {
        let directory = log.parent().unwrap_or(Path::new("."));
        let id = directory.file_name().unwrap_or_default().to_string_lossy();
        let text = fs::read(directory.join("config.v2.json")).unwrap_or_default();
        let file: ConfigFile = serde_json::from_slice(&text).unwrap_or_default();
        let name = match file.name.trim_start_matches('/') {
            "" => id.chars().take(SHORT_ID_CHARS).collect(),
            name => name.to_owned(),
        };
        let mut labels = file.config.labels.unwrap_or_default();
        let service = labels.remove(COMPOSE_SERVICE).unwrap_or_else(|| name.clone());
        Self { service, project: labels.remove(COMPOSE_PROJECT), name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(config: Option<&str>) -> Container {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("0123456789abcdef");
        fs::create_dir(&directory).unwrap();
        if let Some(config) = config {
            fs::write(directory.join("config.v2.json"), config).unwrap();
        }
        Container::of_log(&directory.join("0123456789abcdef-json.log"))
    }

    #[test]
    fn a_container_is_named_by_its_compose_service_or_its_name_or_its_id() {
        let compose = container(Some(
            r#"{"ID":"01","Name":"/shop-web-1","Config":{"Labels":{"com.docker.compose.service":"web",
            "com.docker.compose.project":"shop"}}}"#,
        ));
        assert_eq!((compose.service.as_str(), compose.project.as_deref()), ("web", Some("shop")));
        let plain = container(Some(r#"{"Name":"/happy_bell","Config":{"Labels":null}}"#));
        assert_eq!((plain.service.as_str(), plain.project), ("happy_bell", None));
        assert_eq!(container(None).service, "0123456789ab");
    }
}
