//! The list of all fake services.

use super::scene::ServiceProfile;
use super::{auth, inventory, notification, order, payment, user};

/// The fake services, in the order in which they are started.
pub(crate) static SERVICES: [ServiceProfile; 6] = [
    payment::PROFILE,
    auth::PROFILE,
    user::PROFILE,
    order::PROFILE,
    inventory::PROFILE,
    notification::PROFILE,
];

/// Returns the names of all fake services.
pub fn service_names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|profile| profile.name)
}

/// Returns the fake service of that name, if there is one.
pub(crate) fn find(name: &str) -> Option<&'static ServiceProfile> {
    SERVICES.iter().find(|profile| profile.name == name)
}
