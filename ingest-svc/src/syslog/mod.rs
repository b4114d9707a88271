//! The door for syslog, over UDP and TCP on one address. Messages of RFC 5424 and RFC 3164 become records.
//!
//! * `framing` where one message of a TCP stream ends and the next begins
//! * `tcp` connections, `udp` datagrams
//! * [`options`] its options
//!
//! syslog knows neither credentials nor answers. Whose the records are follows from a key in the options, which is looked
//! up for every batch: it stops working when it is revoked. Over TCP nothing is read on before what was read is stored:
//! a store that is busy makes its senders wait. Over UDP what finds no room meanwhile is lost, and counted.

mod framing;
pub mod options;
mod tcp;
mod udp;

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Scope;
use sentinel_http::{Authenticator, Callers, Problem, RequestId, SideDoor};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

use crate::admission::{Admission, Admitted, Delivery, Door, Sender};
use crate::decode::{HEADER_MAX_BYTES, decode_syslog};
use options::{SyslogOptions, SyslogOptionsError};

/// The door, bound to its address.
#[derive(Debug)]
pub struct Syslog {
    tcp: TcpListener,
    udp: UdpSocket,
    inlet: Inlet,
}

/// How long it is waited before a batch that could not be stored is tried again, at first and at most.
const RETRY_AFTER: Range<Duration> = Duration::from_millis(200)..Duration::from_secs(5);

/// How long a batch is tried again once the service ends.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// Where messages go in.
#[derive(Debug, Clone)]
struct Inlet(Arc<InletParts>);

struct InletParts {
    admission: Admission,
    callers: Callers,
    key: String,
    /// Most bytes of a message with its header.
    message_max_bytes: usize,
    /// Most messages of a batch.
    batch_max: usize,
    connections_max: usize,
}

/// Messages that arrived together.
#[derive(Debug, Clone)]
struct Batch {
    bytes: Bytes,
    /// Where in the bytes each message is, and whom it comes from.
    messages: Vec<(Range<usize>, IpAddr)>,
}

impl Syslog {
    /// Takes the address, if the options name one.
    ///
    /// # Errors
    /// [`SyslogOptionsError`] when the address cannot be taken, or there is no key that may send.
    pub async fn open(
        options: &SyslogOptions,
        admission: &Admission,
        callers: &Callers,
    ) -> Result<Option<Self>, SyslogOptionsError> {
        let Some(address) = options.syslog_listen else { return Ok(None) };
        let key = options.key()?;
        check(&callers.authenticator, &key).await?;
        let in_use = |source| SyslogOptionsError::Address { address, source };
        let tcp = TcpListener::bind(address).await.map_err(in_use)?;
        // Port 0 is any port: the same one for both.
        let address = tcp.local_addr().map_err(in_use)?;
        let udp = udp::bind(address).map_err(in_use)?;
        let parts = InletParts {
            admission: admission.clone(),
            callers: callers.clone(),
            key,
            message_max_bytes: HEADER_MAX_BYTES + admission.limits.message_bytes,
            batch_max: admission.limits.batch_records,
            connections_max: options.syslog_max_connections as usize,
        };
        tracing::info!(%address, "syslog is taken over UDP and TCP");
        Ok(Some(Self { tcp, udp, inlet: Inlet(Arc::new(parts)) }))
    }

    /// Returns the address.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Returns what a service runs.
    #[must_use]
    pub fn into_side_door(self) -> SideDoor {
        Box::new(|stop: CancellationToken| {
            Box::pin(async move {
                let Self { tcp, udp, inlet } = self;
                tokio::join!(tcp::run(tcp, inlet.clone(), stop.clone()), udp::run(udp, inlet, stop));
            })
        })
    }
}

/// Checks that a key may send, so that a service with a wrong one does not start.
async fn check(authenticator: &Authenticator, key: &str) -> Result<(), SyslogOptionsError> {
    let principal = authenticator.principal_of_key(key).await.map_err(SyslogOptionsError::Key)?;
    if principal.scopes.contains(Scope::Ingest) {
        return Ok(());
    }
    Err(SyslogOptionsError::Key(Problem::missing_scope(Scope::Ingest)))
}

impl Inlet {
    /// Stores the messages of a batch. `repeat`: what makes it harmless to try again, if that is done.
    async fn admit(&self, batch: &Batch, repeat: Option<&RequestId>) -> Result<Admitted, Problem> {
        let InletParts { admission, callers, key, .. } = &*self.0;
        let principal = callers.authenticator.principal_of_key(key).await?;
        if !principal.scopes.contains(Scope::Ingest) {
            return Err(Problem::missing_scope(Scope::Ingest));
        }
        let sender = Sender { principal: &principal, quotas: Some(&callers.quotas) };
        let delivery = Delivery {
            door: Door::Syslog,
            body: batch.bytes.clone(),
            wire_bytes: batch.bytes.len(),
            atomic: false,
            idempotency_key: repeat.map(|repeat| format!("syslog-{}", repeat.as_str())),
            format: 0,
        };
        let messages = batch.messages.clone();
        let admitted = admission
            .admit(sender, delivery, move |bytes, context| {
                Ok((decode_syslog(bytes, &messages, context)?, ()))
            })
            .await;
        admitted.map(|(admitted, ())| admitted)
    }
}

/// Says whether a batch may be stored when it is tried again.
fn is_worth_retrying(problem: &Problem) -> bool {
    let status = problem.status();
    status.is_server_error() || matches!(status.as_u16(), 408 | 429)
}

impl Batch {
    fn len(&self) -> u64 {
        self.messages.len() as u64
    }
}

impl std::fmt::Debug for InletParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InletParts")
            .field("message_max_bytes", &self.message_max_bytes)
            .finish_non_exhaustive()
    }
}
