//! The shape of a scene and of a service's profile.

use super::fields::Field;
use crate::levels::Level;

/// A fake service: its name, its rhythm and what it says.
#[derive(Debug)]
pub(crate) struct ServiceProfile {
    /// The name in the field `service`.
    pub(crate) name: &'static str,
    /// Mean pause between two requests, as a multiple of the configured interval: 0.5 is twice as busy as 1.0.
    pub(crate) pace: f64,
    /// How far a pause may lie from the mean, as a share of it (0.0 to 1.0).
    pub(crate) jitter: f64,
    /// What the service says, the most frequent of each level first.
    pub(crate) scenes: &'static [Scene],
}

/// One kind of log line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene {
    /// How serious the line is.
    pub(crate) level: Level,
    /// The text; `{name}` stands for the field of that name.
    pub(crate) message: &'static str,
    /// The values, drawn anew for every record; those that the text does not mention are attributes only.
    pub(crate) fields: &'static [Field],
    /// The attribute `error_code`, where the line reports a failure.
    pub(crate) error_code: Option<&'static str>,
    /// Whether the line belongs to a request and so has a trace; background work has none.
    pub(crate) traced: bool,
}

impl Scene {
    /// Describes ordinary work.
    pub(crate) const fn info(message: &'static str, fields: &'static [Field]) -> Self {
        Self { level: Level::Info, message, fields, error_code: None, traced: true }
    }

    /// Describes something that went well but should not stay so.
    pub(crate) const fn warn(message: &'static str, fields: &'static [Field]) -> Self {
        Self { level: Level::Warn, ..Self::info(message, fields) }
    }

    /// Describes a failure with its code.
    pub(crate) const fn error(
        error_code: &'static str,
        message: &'static str,
        fields: &'static [Field],
    ) -> Self {
        Self { level: Level::Error, error_code: Some(error_code), ..Self::info(message, fields) }
    }

    /// Describes a detail that only a developer reads.
    pub(crate) const fn debug(message: &'static str, fields: &'static [Field]) -> Self {
        Self { level: Level::Debug, ..Self::info(message, fields) }
    }

    /// Marks work that no request asked for.
    pub(crate) const fn background(self) -> Self {
        Self { traced: false, ..self }
    }
}
