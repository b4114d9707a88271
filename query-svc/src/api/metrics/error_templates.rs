//! What errors say, those of one template together.

use std::collections::HashMap;

use domain::template::template_of;
use domain::{LogRecord, Timestamp};
use poem_openapi::Object;
use serde::Serialize;

/// Most templates that are told apart. With their examples they take at most 3 MiB.
pub(super) const ERROR_TEMPLATES_MAX: usize = 1000;

/// Most bytes of an example (1 KiB).
const EXAMPLE_MAX_BYTES: usize = 1024;

/// Error messages of one template.
#[derive(Object)]
#[oai(rename = "TopError", read_only_all)]
pub(super) struct TopErrorSchema {
    /// What they have in common: numbers, ids and quoted parts are `<*>`. One of more than 1024 bytes is cut.
    template: String,
    /// How many there are.
    count: u64,
    /// When the newest of them happened: RFC 3339, UTC.
    last_seen: String,
    /// The newest of them: at most its first 1024 bytes.
    example: String,
    /// Its id.
    example_id: i64,
}

/// Error messages of one template.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct TopError {
    template: String,
    count: u64,
    last_seen: Timestamp,
    example: String,
    example_id: i64,
}

/// Counts errors by template. Of more templates than there may be, those that came first are told apart.
#[derive(Debug, Default)]
pub(super) struct ErrorTemplates {
    errors: HashMap<String, TopError>,
    total: u64,
    untold: u64,
}

impl ErrorTemplates {
    pub(super) fn add(&mut self, record: &LogRecord) {
        self.total += 1;
        let template = template_of(&record.message);
        if let Some(known) = self.errors.get_mut(&template) {
            known.count += 1;
            if (record.timestamp, record.id) > (known.last_seen, known.example_id) {
                *known = TopError { count: known.count, ..TopError::of(record, template) };
            }
        } else if self.errors.len() < ERROR_TEMPLATES_MAX {
            self.errors.insert(template.clone(), TopError::of(record, template));
        } else {
            self.untold += 1;
        }
    }

    /// Says whether every template is told apart.
    pub(super) fn has_all(&self) -> bool {
        self.untold == 0
    }

    /// Returns the most frequent templates, and how many errors have others.
    pub(super) fn into_top(self, top: usize) -> (Vec<TopError>, u64) {
        let mut errors: Vec<TopError> = self.errors.into_values().collect();
        errors.sort_unstable_by(|left, right| {
            let by_count = right.count.cmp(&left.count);
            by_count.then_with(|| left.template.cmp(&right.template))
        });
        errors.truncate(top);
        let listed: u64 = errors.iter().map(|error| error.count).sum();
        (errors, self.total - listed)
    }
}

impl TopError {
    fn of(record: &LogRecord, template: String) -> Self {
        let end = record.message.floor_char_boundary(EXAMPLE_MAX_BYTES);
        Self {
            template,
            count: 1,
            last_seen: record.timestamp,
            example: record.message[..end].to_owned(),
            example_id: record.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::build::record;

    use super::*;

    fn counted(messages: impl IntoIterator<Item = (i64, String)>) -> ErrorTemplates {
        let mut templates = ErrorTemplates::default();
        for (id, (second, message)) in (1..).zip(messages) {
            templates.add(&LogRecord::new(id, &record(&message).at(second).as_record_ref()));
        }
        templates
    }

    #[test]
    fn messages_that_differ_in_what_varies_are_one_error_with_its_newest_as_the_example() {
        let messages =
            [(5, "order 1 failed"), (9, "disk full"), (7, "order 2 failed"), (7, "order 3 failed")];
        let templates = counted(messages.map(|(second, text)| (second, text.to_owned())));

        assert!(templates.has_all());
        let (top, other) = templates.into_top(1);
        let found: Vec<_> =
            top.iter().map(|error| (error.template.as_str(), error.count, error.example_id)).collect();
        assert_eq!((found, other), (vec![("order <*> failed", 3, 4)], 1));
        assert_eq!(
            (top[0].example.as_str(), &*top[0].last_seen.to_string()),
            ("order 3 failed", "2025-04-01T12:00:07Z")
        );
    }

    #[test]
    fn the_number_of_templates_and_the_length_of_examples_are_bounded() {
        let word = |n: usize| format!("{}{}", "x".repeat(n % 40), "y".repeat(n / 40));
        let templates = counted((0..ERROR_TEMPLATES_MAX + 3).map(|n| (0, word(n))));
        assert!(!templates.has_all());
        let (top, other) = templates.into_top(usize::MAX);
        assert_eq!((top.len(), other), (ERROR_TEMPLATES_MAX, 3));

        let long = counted([(0, "ä".repeat(EXAMPLE_MAX_BYTES))]).into_top(1).0;
        assert_eq!(long[0].example.len(), EXAMPLE_MAX_BYTES);
    }
}
