//! Ports of their own for protocols whose clients expect one.

use runtime::{StartError, take_address};
use sentinel_http::SidePort;

use crate::IngestOptions;

/// What is found on OTLP's port: its route, and how the service is.
const OTLP_PATHS: &[&str] = &["/v1/logs", "/health", "/livez", "/readyz", "/status"];

/// Takes the addresses that the options name.
///
/// # Errors
/// [`StartError`] when one is in use, or not this machine's.
pub async fn open_side_ports(options: &IngestOptions) -> Result<Vec<SidePort>, StartError> {
    let Some(address) = options.ports.otlp_listen else { return Ok(vec![]) };
    Ok(vec![SidePort { routes: "otlp", listener: take_address(address).await?, paths: OTLP_PATHS }])
}
