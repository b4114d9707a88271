//! notification-service: mail, text messages, pushes.

use super::fields::{ATTEMPT, Draw, Field, ORDER_ID, USER_ID, count, field, latency_ms};
use super::scene::{Scene, ServiceProfile};

const CHANNEL: Field = field("channel", Draw::OneOf(&["mail", "push", "sms"]));
const TEMPLATE: Field =
    field("template", Draw::OneOf(&["order_confirmed", "order_shipped", "password_reset", "welcome"]));
const MESSAGE_ID: Field = field("message_id", Draw::Hex(16));
const GATEWAY: Field = field("gateway", Draw::OneOf(&["ses", "twilio", "fcm", "apns"]));

pub(super) const PROFILE: ServiceProfile =
    ServiceProfile { name: "notification-service", pace: 2.0, jitter: 0.9, scenes: &SCENES };

const SCENES: [Scene; 16] = [
    Scene::info(
        "Sent {template} to user {user_id} by {channel}",
        &[TEMPLATE, USER_ID, CHANNEL, MESSAGE_ID, latency_ms(25, 400)],
    ),
    Scene::info("Message {message_id} delivered by {gateway}", &[MESSAGE_ID, GATEWAY, CHANNEL]),
    Scene::info("Queued {template} for order {order_id}", &[TEMPLATE, ORDER_ID, USER_ID]),
    Scene::info("User {user_id} opened message {message_id}", &[USER_ID, MESSAGE_ID, CHANNEL]),
    Scene::info("Digest for {users} users scheduled", &[count("users", 100, 9_000)]).background(),
    Scene::warn(
        "Message {message_id} not accepted by {gateway}, attempt {attempt} of 5",
        &[MESSAGE_ID, GATEWAY, ATTEMPT],
    ),
    Scene::warn(
        "Gateway {gateway} throttles us: {per_minute} messages per minute left",
        &[GATEWAY, count("per_minute", 1, 60)],
    ),
    Scene::warn(
        "User {user_id} has no {channel} address, falling back to mail",
        &[USER_ID, field("channel", Draw::OneOf(&["push", "sms"]))],
    ),
    Scene::warn("Queue of {channel} is {depth} deep", &[CHANNEL, count("depth", 1_000, 20_000)]).background(),
    Scene::error(
        "HARD_BOUNCE",
        "Message {message_id} to user {user_id} bounced",
        &[MESSAGE_ID, USER_ID, GATEWAY],
    ),
    Scene::error(
        "GATEWAY_TIMEOUT",
        "Gateway {gateway} did not answer within {latency_ms} ms",
        &[GATEWAY, latency_ms(4_000, 9_000), MESSAGE_ID],
    ),
    Scene::error(
        "TEMPLATE_BROKEN",
        "Template {template} could not be rendered: a value is missing",
        &[TEMPLATE, USER_ID],
    ),
    Scene::error(
        "E429",
        "Message {message_id} dropped: {gateway} refused it {failures} times",
        &[MESSAGE_ID, GATEWAY, count("failures", 5, 8)],
    ),
    Scene::debug("Rendered {template} in {latency_ms} ms", &[TEMPLATE, latency_ms(0, 15)]),
    Scene::debug("Preferences of user {user_id} allow {channel}", &[USER_ID, CHANNEL]),
    Scene::debug("Worker {worker} idle for {idle_s} s", &[count("worker", 1, 16), count("idle_s", 1, 30)])
        .background(),
];
