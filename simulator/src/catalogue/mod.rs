//! What the fake services say: per service its rhythm and its scenes.
//!
//! A scene is one kind of log line: a level, a message with `{placeholders}` and the fields that fill them. Message, level
//! and values are written together, so that they fit: a slow gateway is a warning and its `latency_ms` is large. Every field
//! also becomes an attribute, so that message and attribute never disagree.
//!
//! One file per service. Not here: choosing a level (`levels`), drawing values (`content`), time (`plan`).

mod auth;
mod fields;
mod inventory;
mod notification;
mod order;
mod payment;
mod scene;
mod services;
mod user;

pub(crate) use fields::{Draw, Field};
pub(crate) use scene::{Scene, ServiceProfile};
pub use services::service_names;
pub(crate) use services::{SERVICES, find};
