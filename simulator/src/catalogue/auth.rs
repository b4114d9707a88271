//! auth-service: logins, tokens, second factors.

use super::fields::{ATTEMPT, CLIENT_IP, Draw, Field, USER_ID, count, field, latency_ms};
use super::scene::{Scene, ServiceProfile};

const METHOD: Field = field("method", Draw::OneOf(&["password", "passkey", "sso", "magic_link"]));
const CLIENT: Field = field("client", Draw::OneOf(&["web", "ios", "android", "partner-api"]));
const SESSION: Field = field("session", Draw::Hex(12));
const KEY_ID: Field = field("key_id", Draw::Hex(8));

pub(super) const PROFILE: ServiceProfile =
    ServiceProfile { name: "auth-service", pace: 0.5, jitter: 0.7, scenes: &SCENES };

const SCENES: [Scene; 16] = [
    Scene::info(
        "User {user_id} logged in with {method} from {client_ip}",
        &[USER_ID, METHOD, CLIENT_IP, CLIENT, latency_ms(30, 280)],
    ),
    Scene::info("Token refreshed for user {user_id} on {client}", &[USER_ID, CLIENT, latency_ms(4, 60)]),
    Scene::info("User {user_id} logged out, session {session}", &[USER_ID, SESSION]),
    Scene::info(
        "Second factor confirmed for user {user_id} in {latency_ms} ms",
        &[USER_ID, latency_ms(900, 9_000)],
    ),
    Scene::info("{sessions} expired sessions removed", &[count("sessions", 3, 800)]).background(),
    Scene::warn(
        "Failed login of user {user_id} from {client_ip}: wrong password",
        &[USER_ID, CLIENT_IP, METHOD],
    ),
    Scene::warn(
        "User {user_id} asked for a code {attempt} times within a minute",
        &[USER_ID, ATTEMPT, CLIENT_IP],
    ),
    Scene::warn("Login of user {user_id} took {latency_ms} ms", &[USER_ID, latency_ms(1_200, 3_900), METHOD]),
    Scene::warn("Signing key {key_id} expires in {days} days", &[KEY_ID, count("days", 1, 14)]).background(),
    Scene::error(
        "ACCOUNT_LOCKED",
        "Account of user {user_id} locked after {failures} failed logins",
        &[USER_ID, count("failures", 5, 12), CLIENT_IP],
    ),
    Scene::error(
        "TOKEN_INVALID",
        "Token of {client} rejected: signed with unknown key {key_id}",
        &[CLIENT, KEY_ID, CLIENT_IP],
    ),
    Scene::error(
        "E503",
        "Session store unreachable, login of user {user_id} failed after {latency_ms} ms",
        &[USER_ID, latency_ms(2_000, 5_000)],
    ),
    Scene::error(
        "SSO_TIMEOUT",
        "Identity provider did not answer within {latency_ms} ms",
        &[latency_ms(5_000, 8_000), CLIENT],
    ),
    Scene::debug("Session {session} found in the cache in {latency_ms} ms", &[SESSION, latency_ms(0, 4)]),
    Scene::debug(
        "Password hash of user {user_id} upgraded to cost {cost}",
        &[USER_ID, count("cost", 12, 14)],
    ),
    Scene::debug("Key set reloaded, {keys} keys, newest {key_id}", &[count("keys", 2, 6), KEY_ID])
        .background(),
];
