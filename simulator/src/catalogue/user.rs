//! user-service: accounts and profiles.

use super::fields::{CLIENT_IP, Draw, Field, USER_ID, count, field, latency_ms};
use super::scene::{Scene, ServiceProfile};

const PART: Field = field("part", Draw::OneOf(&["address", "avatar", "language", "phone", "preferences"]));
const COUNTRY: Field = field("country", Draw::OneOf(&["AR", "BR", "DE", "ES", "GB", "US"]));
const EXPORT_ID: Field = field("export_id", Draw::Id("exp-", 6));

pub(super) const PROFILE: ServiceProfile =
    ServiceProfile { name: "user-service", pace: 1.2, jitter: 0.6, scenes: &SCENES };

const SCENES: [Scene; 16] = [
    Scene::info("Profile of user {user_id} loaded in {latency_ms} ms", &[USER_ID, latency_ms(3, 70)]),
    Scene::info("User {user_id} changed {part}", &[USER_ID, PART, latency_ms(12, 140)]),
    Scene::info(
        "Account {user_id} created from {country}",
        &[USER_ID, COUNTRY, CLIENT_IP, latency_ms(40, 260)],
    ),
    Scene::info("Mail address of user {user_id} confirmed", &[USER_ID]),
    Scene::info("Data export {export_id} ready, {megabytes} MB", &[EXPORT_ID, count("megabytes", 1, 420)])
        .background(),
    Scene::warn(
        "Profile of user {user_id} loaded slowly: {latency_ms} ms",
        &[USER_ID, latency_ms(900, 2_800)],
    ),
    Scene::warn("User {user_id} sent the deprecated field {part}", &[USER_ID, PART, CLIENT_IP]),
    Scene::warn(
        "Avatar of user {user_id} is {kilobytes} kB, shrunk to fit",
        &[USER_ID, count("kilobytes", 2_100, 9_800)],
    ),
    Scene::warn("Replica of the user database is {lag_s} s behind", &[count("lag_s", 5, 55)]).background(),
    Scene::error(
        "DB_TIMEOUT",
        "Loading user {user_id} failed: query cancelled after {latency_ms} ms",
        &[USER_ID, latency_ms(3_000, 6_000)],
    ),
    Scene::error(
        "EMAIL_TAKEN",
        "Account from {country} not created: mail address belongs to user {user_id}",
        &[COUNTRY, USER_ID],
    ),
    Scene::error(
        "E500",
        "Saving {part} of user {user_id} failed: stack overflow in worker pool",
        &[PART, USER_ID],
    ),
    Scene::error(
        "POOL_EXHAUSTED",
        "No database connection free, {waiting} requests waiting",
        &[count("waiting", 12, 240), latency_ms(1_000, 5_000)],
    ),
    Scene::debug("Cache miss for user {user_id}", &[USER_ID, latency_ms(0, 2)]),
    Scene::debug(
        "Validated {fields} fields of {part} for user {user_id}",
        &[count("fields", 1, 14), PART, USER_ID],
    ),
    Scene::debug("Cache holds {entries} profiles", &[count("entries", 1_000, 48_000)]).background(),
];
