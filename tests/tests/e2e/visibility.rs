//! A 2xx means visible to every query, from the same instant, in the other process.

use e2e_tests::Installation;
use e2e_tests::installation::ask;
use serde_json::json;

#[tokio::test]
async fn a_log_is_found_by_the_other_process_as_soon_as_its_201_is_there() {
    let installation = Installation::start();
    let mut misses = Vec::new();
    for n in 0..1000 {
        let service = format!("s{n}");
        let stored =
            installation.post_logs(&json!({"service": service, "message": format!("log {n}")})).await;
        let id = &stored["first_id"];
        let (by_id, log) = ask(installation.get(&format!("/logs/{id}"))).await;
        let (_, found) = ask(installation.get(&format!("/logs?service={service}"))).await;
        if by_id != 200 || log["service"] != *service || found[0]["id"] != *id {
            misses.push(n);
        }
    }
    assert!(misses.is_empty(), "not visible at once: {misses:?}");
    let (_, stats) = ask(installation.get("/stats")).await;
    assert_eq!(stats["total"], 1000);
}
