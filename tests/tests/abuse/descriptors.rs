//! A service that has run out of descriptors.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::raw::connect;
use super::target::Target;

/// How many descriptors it may have.
const DESCRIPTORS: u64 = 64;

const CONNECTIONS: usize = 100;

/// How long its processor time is counted.
const WATCHED: Duration = Duration::from_secs(3);

/// Most seconds of processor time in that, beyond what normal load takes: an accept loop that does not rest takes all there is.
const CPU_MAX_SECONDS: f64 = 1.0;

/// Least time between two errors of accept, on average: less than the pause after each, which a busy machine only makes longer.
const ERRORS_AT_MOST_EVERY: Duration = Duration::from_millis(25);

#[tokio::test]
async fn without_descriptors_it_rests_and_then_serves_again() {
    let target = Target::start(&[]).await;
    target.figures.limit_descriptors(DESCRIPTORS);
    let load = target.load().await;
    let as_ever = cpu_seconds(&target).await;
    let before = target.figures.descriptors();

    let begun = Instant::now();
    let mut open = Vec::new();
    for index in 0..CONNECTIONS {
        open.push(
            connect(target.service.address(), index).await.expect("the system takes it into the queue"),
        );
    }
    let seconds = cpu_seconds(&target).await;
    let (during, errors) = (target.figures.descriptors(), accept_errors(&target));
    println!(
        "out of descriptors: {before} of {DESCRIPTORS} before, {during} then; {seconds:.2} s of CPU in {WATCHED:?}, as ever {as_ever:.2} s; {errors} errors of accept"
    );

    let errors_max = begun.elapsed().as_millis() / ERRORS_AT_MOST_EVERY.as_millis();
    assert!(errors > 0, "the limit was not reached");
    assert!(errors as u128 <= errors_max, "{errors} errors of accept, at most {errors_max} if it rests");
    assert!(seconds - as_ever < CPU_MAX_SECONDS, "{seconds} s of CPU in {WATCHED:?}, as ever {as_ever} s");
    load.assert_unharmed().await;
    drop(open);
    target.assert_serves().await;
}

/// Returns how much processor time the service uses while it is watched.
async fn cpu_seconds(target: &Target) -> f64 {
    let begun = target.figures.cpu_seconds();
    sleep(WATCHED).await;
    target.figures.cpu_seconds() - begun
}

fn accept_errors(target: &Target) -> usize {
    let lines = target.service.printed().stderr();
    lines.iter().filter(|line| line.contains("cannot accept a connection")).count()
}
