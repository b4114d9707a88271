//! Times in a query: absolute in any accepted spelling, or relative to now.

use domain::Timestamp;
use sentinel_http::Problem;

/// Reads `now`, `now-90s`, `now-1h` (s m h d w), or an absolute time; microseconds since the Unix epoch.
pub(super) fn read_time(name: &str, text: &str, now: Timestamp) -> Result<i64, Problem> {
    if let Some(distance) = text.strip_prefix("now") {
        return relative_micros(distance).map(|micros| now.as_micros() + micros).ok_or_else(|| {
            let reason = "expected now, or a distance such as now-15m (s, m, h, d or w)";
            Problem::invalid_parameter(name, reason)
        });
    }
    Timestamp::parse(text).map(Timestamp::as_micros).map_err(|error| {
        let lost_plus = text.contains(' ') && !text.trim().is_empty();
        let hint = if lost_plus { " (a + in a URL has to be written %2B)" } else { "" };
        Problem::invalid_parameter(name, format!("{error}{hint}"))
    })
}

/// Reads what follows `now`: nothing, or a sign, a number and a unit.
fn relative_micros(distance: &str) -> Option<i64> {
    if distance.is_empty() {
        return Some(0);
    }
    let (sign, rest) = match distance.split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        ("+", rest) => (1, rest),
        _ => return None,
    };
    let (number, unit) = rest.split_at_checked(rest.len().checked_sub(1)?)?;
    let seconds_per_unit: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    // Three hundred years in weeks: what lies further is outside of every timestamp.
    let number: i64 = number.parse::<u32>().ok()?.into();
    number.checked_mul(seconds_per_unit)?.checked_mul(sign * 1_000_000)
}
