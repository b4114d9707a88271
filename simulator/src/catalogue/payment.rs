//! payment-service: cards, refunds, gateways.

use super::fields::{
    AMOUNT, ATTEMPT, CURRENCY, Draw, Field, ORDER_ID, PAYMENT_ID, USER_ID, count, field, latency_ms,
};
use super::scene::{Scene, ServiceProfile};

const PROVIDER: Field = field("provider", Draw::OneOf(&["stripe", "adyen", "paypal", "mercadopago"]));
const REFUND_ID: Field = field("refund_id", Draw::Id("ref-", 7));
const EVENT: Field =
    field("event", Draw::OneOf(&["charge.succeeded", "charge.updated", "payout.paid", "dispute.closed"]));

pub(super) const PROFILE: ServiceProfile =
    ServiceProfile { name: "payment-service", pace: 0.8, jitter: 0.4, scenes: &SCENES };

const SCENES: [Scene; 17] = [
    Scene::info(
        "Payment {payment_id} completed for order {order_id}: {amount} {currency} via {provider}",
        &[PAYMENT_ID, ORDER_ID, AMOUNT, CURRENCY, PROVIDER, USER_ID, latency_ms(80, 600)],
    ),
    Scene::info(
        "Payment {payment_id} authorized for user {user_id} in {latency_ms} ms",
        &[PAYMENT_ID, USER_ID, latency_ms(60, 450)],
    ),
    Scene::info(
        "Webhook {event} from {provider} processed in {latency_ms} ms",
        &[EVENT, PROVIDER, latency_ms(5, 90)],
    ),
    Scene::info(
        "Refund {refund_id} issued for payment {payment_id}: {amount} {currency}",
        &[REFUND_ID, PAYMENT_ID, AMOUNT, CURRENCY, USER_ID],
    ),
    Scene::info(
        "Settlement with {provider} closed, {transactions} transactions",
        &[PROVIDER, count("transactions", 40, 2_400)],
    )
    .background(),
    Scene::warn(
        "Gateway {provider} slow: {latency_ms} ms for payment {payment_id}",
        &[PROVIDER, latency_ms(1_500, 4_800), PAYMENT_ID],
    ),
    Scene::warn("Retrying payment {payment_id}, attempt {attempt} of 5", &[PAYMENT_ID, ATTEMPT, PROVIDER]),
    Scene::warn(
        "Payment {payment_id} held for review, fraud score {fraud_score}",
        &[PAYMENT_ID, USER_ID, count("fraud_score", 70, 94)],
    ),
    Scene::warn("Card of user {user_id} expires in {days} days", &[USER_ID, count("days", 1, 28)])
        .background(),
    Scene::error(
        "CARD_DECLINED",
        "Payment {payment_id} failed: card declined by {provider}",
        &[PAYMENT_ID, PROVIDER, USER_ID, AMOUNT, CURRENCY],
    ),
    Scene::error(
        "GATEWAY_TIMEOUT",
        "Gateway {provider} did not answer within {latency_ms} ms",
        &[PROVIDER, latency_ms(5_000, 10_000), PAYMENT_ID],
    ),
    Scene::error(
        "E503",
        "Payment {payment_id} failed: {provider} answered 503",
        &[PAYMENT_ID, PROVIDER, latency_ms(20, 900)],
    ),
    Scene::error(
        "LEDGER_CONFLICT",
        "Payment {payment_id} rolled back: account of user {user_id} is locked",
        &[PAYMENT_ID, USER_ID],
    ),
    Scene::error(
        "BAD_SIGNATURE",
        "Webhook from {provider} dropped: signature does not match",
        &[PROVIDER, EVENT],
    ),
    Scene::debug(
        "Idempotent request for payment {payment_id} answered from memory",
        &[PAYMENT_ID, latency_ms(0, 3)],
    ),
    Scene::debug("Request to {provider} prepared, {bytes} bytes", &[PROVIDER, count("bytes", 310, 2_100)]),
    Scene::debug(
        "Exchange rate for {currency} refreshed in {latency_ms} ms",
        &[CURRENCY, latency_ms(15, 120)],
    )
    .background(),
];
