//! Turns scenes into records: chooses a scene of a level and fills in its values.

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Map, Value};

use crate::catalogue::{Draw, Field, Scene, ServiceProfile};
use crate::levels::Level;
use crate::seeds;

/// How many records of a request carry its trace; the others were logged outside of it.
const TRACED_PROBABILITY: f64 = 0.7;
/// The first three octets of the documentation networks (RFC 5737).
const NETWORKS: [&str; 3] = ["192.0.2", "198.51.100", "203.0.113"];

/// What a record says, before it has a time, a place and a number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    /// How serious it is.
    pub(crate) level: Level,
    /// The text, one line.
    pub(crate) message: String,
    /// The trace that it belongs to: 32 hexadecimal digits and 16 for the span.
    pub(crate) trace: Option<(String, String)>,
    /// Every value, also those in the message.
    pub(crate) attributes: Map<String, Value>,
}

/// Writes the records of one service.
#[derive(Debug)]
pub(crate) struct Content {
    scenes: [Vec<&'static Scene>; 4],
    rng: StdRng,
}

impl Content {
    /// Prepares the records of `profile`; the same seed gives the same records.
    pub(crate) fn new(profile: &'static ServiceProfile, seed: u64) -> Self {
        let scenes =
            Level::ALL.map(|level| profile.scenes.iter().filter(|scene| scene.level == level).collect());
        Self { scenes, rng: seeds::stream(seed, "content", profile.name) }
    }

    /// Writes the next record, of that level.
    pub(crate) fn draft(&mut self, level: Level) -> Draft {
        let scene = self.choose(level);
        let mut message = scene.message.to_owned();
        let mut attributes = Map::new();
        for field in scene.fields {
            let (value, text) = draw(field, &mut self.rng);
            message = message.replace(&format!("{{{}}}", field.name), &text);
            attributes.insert(field.name.to_owned(), value);
        }
        if let Some(code) = scene.error_code {
            attributes.insert("error_code".to_owned(), Value::from(code));
        }
        Draft { level, message, trace: self.trace(scene), attributes }
    }

    /// Chooses a scene; the first of the catalogue is the most frequent, the last the rarest.
    fn choose(&mut self, level: Level) -> &'static Scene {
        let scenes = &self.scenes[level as usize];
        let weights = scenes.len() * (scenes.len() + 1) / 2;
        let mut rest = self.rng.random_range(0..weights);
        for (index, scene) in scenes.iter().enumerate() {
            let weight = scenes.len() - index;
            if rest < weight {
                return scene;
            }
            rest -= weight;
        }
        scenes[0]
    }

    fn trace(&mut self, scene: &Scene) -> Option<(String, String)> {
        if !scene.traced || !self.rng.random_bool(TRACED_PROBABILITY) {
            return None;
        }
        let trace_id = format!("{:032x}", self.rng.random::<u128>());
        let span_id = format!("{:016x}", self.rng.random::<u64>());
        Some((trace_id, span_id))
    }
}

/// Draws a value, as an attribute and as it stands in a message.
fn draw(field: &Field, rng: &mut StdRng) -> (Value, String) {
    let text = match field.draw {
        Draw::Whole(from, to) => {
            let number = rng.random_range(from..=to);
            return (Value::from(number), number.to_string());
        }
        Draw::Hundredths(from, to) => {
            let hundredths = rng.random_range(from..=to);
            let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            return (text.parse::<f64>().map_or(Value::Null, Value::from), text);
        }
        Draw::Id(prefix, digits) => {
            let number = rng.random_range(0..10_u64.pow(digits));
            format!("{prefix}{number:0width$}", width = digits as usize)
        }
        Draw::Hex(digits) => {
            let mut text = format!("{:016x}", rng.random::<u64>());
            text.truncate(digits);
            text
        }
        Draw::OneOf(texts) => texts[rng.random_range(0..texts.len())].to_owned(),
        Draw::Address => {
            let network = NETWORKS[rng.random_range(0..NETWORKS.len())];
            format!("{network}.{}", rng.random_range(1..=254))
        }
    };
    (Value::from(text.clone()), text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::catalogue::SERVICES;

    #[test]
    fn every_placeholder_is_filled_and_every_message_is_one_line() {
        for profile in &SERVICES {
            for scene in profile.scenes {
                let mut content = Content {
                    scenes: Level::ALL.map(|_| vec![scene]),
                    rng: seeds::stream(1, "content", profile.name),
                };

                let draft = content.draft(scene.level);

                assert!(!draft.message.contains(['{', '}', '\n']), "{}: {}", profile.name, draft.message);
            }
        }
    }

    #[test]
    fn every_service_says_at_least_three_things_on_every_level() {
        for profile in &SERVICES {
            let content = Content::new(profile, 1);

            for (level, scenes) in Level::ALL.into_iter().zip(&content.scenes) {
                assert!(scenes.len() >= 3, "{} has {} scenes of {level:?}", profile.name, scenes.len());
            }
        }
    }

    #[test]
    fn only_errors_have_an_error_code_and_all_errors_have_one() {
        for scene in SERVICES.iter().flat_map(|profile| profile.scenes) {
            assert_eq!(scene.error_code.is_some(), scene.level == Level::Error, "{}", scene.message);
        }
    }

    #[test]
    fn the_values_of_a_message_are_also_its_attributes() {
        let mut content = Content::new(&SERVICES[0], 3);

        for _ in 0..200 {
            let draft = content.draft(Level::Warn);

            if let Some(Value::String(payment)) = draft.attributes.get("payment_id") {
                assert!(draft.message.contains(payment.as_str()), "{payment} is not in {:?}", draft.message);
            }
        }
    }

    #[test]
    fn messages_are_varied() {
        let mut content = Content::new(&SERVICES[0], 4);

        let messages: HashSet<String> = (0..1_000).map(|_| content.draft(Level::Info).message).collect();

        assert!(messages.len() > 700, "only {} different messages of 1,000", messages.len());
    }
}
