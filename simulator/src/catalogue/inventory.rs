//! inventory-service: stock and warehouses.

use super::fields::{Draw, Field, ORDER_ID, SKU, count, field, latency_ms};
use super::scene::{Scene, ServiceProfile};

const WAREHOUSE: Field = field("warehouse", Draw::OneOf(&["eze-1", "fra-2", "iad-1", "mad-1"]));
const SUPPLIER: Field = field("supplier", Draw::Id("sup-", 4));

pub(super) const PROFILE: ServiceProfile =
    ServiceProfile { name: "inventory-service", pace: 1.6, jitter: 0.5, scenes: &SCENES };

const SCENES: [Scene; 16] = [
    Scene::info(
        "Reserved {quantity} of {sku} for order {order_id}",
        &[count("quantity", 1, 9), SKU, ORDER_ID, WAREHOUSE, latency_ms(5, 110)],
    ),
    Scene::info(
        "Released {quantity} of {sku} from order {order_id}",
        &[count("quantity", 1, 9), SKU, ORDER_ID, latency_ms(4, 90)],
    ),
    Scene::info("Stock of {sku} in {warehouse} is {stock}", &[SKU, WAREHOUSE, count("stock", 60, 4_000)]),
    Scene::info(
        "Delivery of {quantity} {sku} from {supplier} booked in {warehouse}",
        &[count("quantity", 20, 900), SKU, SUPPLIER, WAREHOUSE],
    ),
    Scene::info(
        "Nightly count of {warehouse} finished, {differences} differences",
        &[WAREHOUSE, count("differences", 0, 14)],
    )
    .background(),
    Scene::warn(
        "Stock of {sku} in {warehouse} is low: {stock} left",
        &[SKU, WAREHOUSE, count("stock", 1, 9)],
    ),
    Scene::warn(
        "Reservation for order {order_id} took {latency_ms} ms",
        &[ORDER_ID, latency_ms(800, 2_600), SKU],
    ),
    Scene::warn(
        "Reservation of {sku} for order {order_id} expires in {seconds} s",
        &[SKU, ORDER_ID, count("seconds", 5, 60)],
    ),
    Scene::warn("Scanner in {warehouse} silent since {minutes} min", &[WAREHOUSE, count("minutes", 5, 40)])
        .background(),
    Scene::error(
        "NEGATIVE_STOCK",
        "Stock of {sku} in {warehouse} would fall below zero",
        &[SKU, WAREHOUSE, ORDER_ID],
    ),
    Scene::error(
        "DEADLOCK",
        "Reservation for order {order_id} failed: deadlock detected",
        &[ORDER_ID, SKU, latency_ms(1_000, 2_000)],
    ),
    Scene::error("UNKNOWN_SKU", "Delivery from {supplier} refused: {sku} is unknown", &[SUPPLIER, SKU]),
    Scene::error(
        "E503",
        "Warehouse system of {warehouse} answered 503 after {latency_ms} ms",
        &[WAREHOUSE, latency_ms(50, 3_000)],
    ),
    Scene::debug("Row of {sku} locked for {latency_ms} ms", &[SKU, latency_ms(0, 12), WAREHOUSE]),
    Scene::debug("Stock of {sku} read from the replica", &[SKU, WAREHOUSE]),
    Scene::debug("Snapshot of {warehouse} written, {rows} rows", &[WAREHOUSE, count("rows", 8_000, 64_000)])
        .background(),
];
