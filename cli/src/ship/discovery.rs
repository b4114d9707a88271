//! Which files there are: what the patterns and Docker's directory have at the moment.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::docker::Container;
use super::file::Target;
use super::identity::FileId;
use super::records::Reading;

/// Files with these endings are copies that a rotation has compressed; the lines in them were sent before.
const COMPRESSED: [&str; 6] = ["gz", "zst", "bz2", "xz", "lz4", "zip"];

/// Where to look for files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Discovery {
    /// Paths, with `*`, `?`, `[...]` and `**`.
    pub(crate) patterns: Vec<String>,
    /// Docker's directory of containers.
    pub(crate) docker: Option<PathBuf>,
    /// Only containers of this Compose project.
    pub(crate) docker_project: Option<String>,
    /// Containers of these services are left out.
    pub(crate) excluded_services: BTreeSet<String>,
    /// The service of files that are no container's.
    pub(crate) service: Option<String>,
    /// Whether lines that belong together are one record.
    pub(crate) is_multiline: bool,
}

impl Discovery {
    /// Returns the files that are there now, each once, with what they are.
    pub(crate) fn find(&self) -> Vec<(FileId, Target)> {
        let mut found: Vec<(FileId, Target)> = Vec::new();
        let mut seen = BTreeSet::new();
        let plain = self.patterns.iter().flat_map(|pattern| paths(pattern)).map(|path| self.plain(path));
        let docker = self.docker.iter().flat_map(|directory| {
            let pattern = glob::Pattern::escape(&directory.to_string_lossy());
            paths(&format!("{pattern}/*/*-json.log"))
        });
        let docker = docker.filter_map(|path| self.container(path));
        for target in plain.chain(docker) {
            let Ok(metadata) = fs::metadata(&target.path) else { continue };
            let id = FileId::of(&metadata);
            if metadata.is_file() && !is_compressed(&target.path) && seen.insert(id) {
                found.push((id, target));
            }
        }
        found
    }

    fn plain(&self, path: PathBuf) -> Target {
        let reading = Reading { is_docker: false, is_multiline: self.is_multiline };
        Target { path, service: self.service.clone(), reading }
    }

    /// Returns a container's log, if it is asked for.
    fn container(&self, path: PathBuf) -> Option<Target> {
        let container = Container::of_log(&path);
        let is_wanted = self.docker_project.is_none() || self.docker_project == container.project;
        let is_excluded = [&container.service, &container.name]
            .into_iter()
            .any(|name| self.excluded_services.contains(name));
        let reading = Reading { is_docker: true, is_multiline: self.is_multiline };
        let service = self.service.clone().unwrap_or(container.service);
        (is_wanted && !is_excluded).then_some(Target { path, service: Some(service), reading })
    }
}

/// Looks for the file with this id beside where it was, and where a link led: under the name that a rotation gave it.
pub(crate) fn find_beside(path: &Path, id: FileId) -> Option<PathBuf> {
    let has_id = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| FileId::of(&metadata) == id);
    let was = path.to_owned();
    if has_id(&was) {
        return Some(was);
    }
    let led_to = path.canonicalize().ok();
    let directories = [path.parent(), led_to.as_deref().and_then(Path::parent)];
    let entries = directories.into_iter().flatten().filter_map(|directory| fs::read_dir(directory).ok());
    entries.flatten().filter_map(Result::ok).map(|entry| entry.path()).find(has_id)
}

/// Returns what a pattern finds. A pattern was looked at before; a directory that cannot be read has nothing.
fn paths(pattern: &str) -> Vec<PathBuf> {
    glob::glob(pattern).map(|paths| paths.filter_map(Result::ok).collect()).unwrap_or_default()
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| COMPRESSED.iter().any(|known| ending == *known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(discovery: &Discovery) -> Vec<(String, Option<String>)> {
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let found = discovery.find().into_iter();
        found.map(|(_, target)| (name(&target.path), target.service)).collect()
    }

    #[test]
    fn patterns_find_files_each_once_and_no_compressed_copies() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["a.log", "b.log", "a.log.1", "a.log.2.gz", "c.txt"] {
            fs::write(at(name), "x\n").unwrap();
        }
        fs::create_dir(at("d.log")).unwrap();
        std::os::unix::fs::symlink(at("a.log"), at("link.log")).unwrap();
        let patterns = ["*.log", "a.log*"].map(|name| at(name).to_string_lossy().into_owned());
        let discovery = Discovery { patterns: patterns.to_vec(), ..Discovery::default() };

        let found: Vec<_> = names(&discovery).into_iter().map(|(name, _)| name).collect();

        assert_eq!(found, ["a.log", "b.log", "a.log.1"]);
    }

    #[test]
    fn a_renamed_file_is_found_beside_where_it_was_and_where_a_link_led() {
        let (links, directory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (file, renamed) = (directory.path().join("a.log"), directory.path().join("a.log.1"));
        let link = links.path().join("a.log");
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let id = FileId::of(&fs::metadata(&link).unwrap());
        assert_eq!(find_beside(&link, id).as_ref(), Some(&link));

        fs::rename(&file, &renamed).unwrap();
        fs::write(&file, "new").unwrap();

        assert_eq!(find_beside(&file, id).as_ref(), Some(&renamed));
        assert_eq!(find_beside(&link, id).as_ref(), Some(&renamed));
        fs::remove_file(&renamed).unwrap();
        assert_eq!(find_beside(&link, id), None);
    }

    #[test]
    fn containers_are_found_by_project_and_without_those_that_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        for (id, service, project) in
            [("c1", "web", "shop"), ("c2", "shipper", "shop"), ("c3", "web", "other")]
        {
            fs::create_dir(directory.path().join(id)).unwrap();
            let labels = serde_json::json!({
                "com.docker.compose.service": service, "com.docker.compose.project": project
            });
            let config = serde_json::json!({"Name": format!("/{id}"), "Config": {"Labels": labels}});
            fs::write(directory.path().join(id).join("config.v2.json"), config.to_string()).unwrap();
            fs::write(directory.path().join(id).join(format!("{id}-json.log")), "").unwrap();
        }
        let mut discovery = Discovery { docker: Some(directory.path().to_owned()), ..Discovery::default() };
        discovery.excluded_services.insert("shipper".to_owned());
        let web = |id: &str| (format!("{id}-json.log"), Some("web".to_owned()));

        assert_eq!(names(&discovery), [web("c1"), web("c3")]);
        discovery.docker_project = Some("shop".to_owned());
        assert_eq!(names(&discovery), [web("c1")]);
    }
}
