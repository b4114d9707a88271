//! order-service: baskets and orders.

use super::fields::{
    AMOUNT, CURRENCY, Draw, Field, ORDER_ID, PAYMENT_ID, SKU, USER_ID, count, field, latency_ms,
};
use super::scene::{Scene, ServiceProfile};

const CARRIER: Field = field("carrier", Draw::OneOf(&["dhl", "ups", "correo", "fedex"]));
const STATE: Field = field("state", Draw::OneOf(&["new", "paid", "packed", "shipped"]));
const VERSION: Field = field("version", Draw::Whole(2, 19));

pub(super) const PROFILE: ServiceProfile =
    ServiceProfile { name: "order-service", pace: 0.9, jitter: 0.3, scenes: &SCENES };

const SCENES: [Scene; 16] = [
    Scene::info(
        "Order {order_id} placed by user {user_id}: {items} items, {amount} {currency}",
        &[ORDER_ID, USER_ID, count("items", 1, 12), AMOUNT, CURRENCY, latency_ms(45, 380)],
    ),
    Scene::info("Order {order_id} is now {state}", &[ORDER_ID, STATE, latency_ms(6, 80)]),
    Scene::info("Order {order_id} handed to {carrier}", &[ORDER_ID, CARRIER]),
    Scene::info("User {user_id} put {sku} into the basket", &[USER_ID, SKU, latency_ms(5, 60)]),
    Scene::info("{baskets} abandoned baskets removed", &[count("baskets", 10, 900)]).background(),
    Scene::warn(
        "Order {order_id} waits for payment {payment_id} since {minutes} min",
        &[ORDER_ID, PAYMENT_ID, count("minutes", 10, 58)],
    ),
    Scene::warn(
        "Placing order {order_id} took {latency_ms} ms",
        &[ORDER_ID, latency_ms(1_800, 4_900), USER_ID],
    ),
    Scene::warn("Price of {sku} changed while order {order_id} was open", &[SKU, ORDER_ID, AMOUNT, CURRENCY]),
    Scene::warn("Queue of new orders is {depth} deep", &[count("depth", 500, 4_000)]).background(),
    Scene::error(
        "OUT_OF_STOCK",
        "Order {order_id} rejected: {sku} is out of stock",
        &[ORDER_ID, SKU, USER_ID],
    ),
    Scene::error(
        "PAYMENT_FAILED",
        "Order {order_id} cancelled: payment {payment_id} failed",
        &[ORDER_ID, PAYMENT_ID, USER_ID],
    ),
    Scene::error(
        "E504",
        "inventory-service did not answer within {latency_ms} ms for order {order_id}",
        &[latency_ms(3_000, 6_000), ORDER_ID],
    ),
    Scene::error(
        "VERSION_CONFLICT",
        "Order {order_id} not saved: version {version} is stale",
        &[ORDER_ID, VERSION],
    ),
    Scene::debug("Order {order_id} locked in version {version}", &[ORDER_ID, VERSION, latency_ms(0, 5)]),
    Scene::debug(
        "Discount rules for user {user_id} evaluated, {rules} matched",
        &[USER_ID, count("rules", 0, 5)],
    ),
    Scene::debug("Outbox flushed, {events} events", &[count("events", 0, 120)]).background(),
];
