//! A service's life: from its first connection to its last commit, in order.

use std::error::Error as StdError;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use poem::Response;
use poem::endpoint::BoxEndpoint;
use store::{StoreError, Stores};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::listener::{ListenerLimits, Port, ServeError, TlsFiles, serve_ports};
use crate::{Authenticator, KeyQuotas, Readiness};

/// How long a service that shuts down still listens, to send new requests to the next one: whoever balances load asks
/// about once a second who is ready.
const SENDS_ELSEWHERE: Duration = Duration::from_secs(1);

/// How long requests that were begun may take when the service shuts down.
const DRAIN: Duration = Duration::from_secs(8);

/// The exit code of a process whose store cannot go on (an I/O error, a corrupt file): it ends, so that a new one
/// opens the file afresh and finds everything that was acknowledged. `EX_SOFTWARE` of sysexits.h.
const EXIT_FATAL_STORE: u8 = 70;

/// A service that is put together, ready to run.
pub struct Service {
    /// What answers requests.
    pub endpoint: BoxEndpoint<'static, Response>,
    /// Further ports, each with some of its routes.
    pub side_ports: Vec<Port>,
    /// Whether it takes work: switched off when its end begins.
    pub readiness: Readiness,
    /// What it closes when it ends.
    pub stores: Stores,
    /// What its listener grants.
    pub listener_limits: ListenerLimits,
    /// Its certificate; `None`: it speaks without TLS.
    pub tls: Option<TlsFiles>,
    /// Whom it lets in.
    pub callers: Callers,
    /// What else takes work, beside HTTP.
    pub side_doors: Vec<SideDoor>,
}

/// Whom a service lets in, and what they may use, whatever protocol they speak.
#[derive(Debug, Clone)]
pub struct Callers {
    /// Knows who they are.
    pub authenticator: Arc<Authenticator>,
    /// Counts what they use.
    pub quotas: Arc<KeyQuotas>,
}

/// A protocol beside HTTP: it takes work until the token is cancelled, then ends what it has begun.
pub type SideDoor = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// Why a service ended other than by being told to.
#[derive(Debug, Error)]
pub enum LifeError {
    /// The store cannot go on; a new process finds everything that was acknowledged.
    #[error("the store cannot go on")]
    StoreFailed,
    /// The listener could not be used.
    #[error("cannot serve")]
    Listener(#[from] ServeError),
    /// The store could not be closed in order. What was acknowledged is safe.
    #[error("the store was not closed in order")]
    Close(#[from] StoreError),
}

/// Returns the exit code of a process whose service ended so: 0, or 70 when the store cannot go on.
///
/// # Errors
/// Every other [`LifeError`]: it is for a person to read, and its code is 1.
pub fn exit_code(lived: Result<(), LifeError>) -> Result<ExitCode, LifeError> {
    match lived {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(LifeError::StoreFailed) => Ok(ExitCode::from(EXIT_FATAL_STORE)),
        Err(error) => Err(error),
    }
}

impl Service {
    /// Serves until `shutdown` is cancelled or a store fails. Then, in this order: the service is not ready any more, sends
    /// new requests elsewhere for a moment (unless a store failed), accepts nothing more, answers what was begun, and the
    /// stores commit what was queued and are closed.
    ///
    /// # Errors
    /// [`LifeError`].
    pub async fn run_until(
        self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<(), LifeError> {
        let keys = Arc::clone(&self.stores.keys);
        let lived = self.serve_and_close_logs(listener, shutdown).await;
        if let Err(error) = keys.close().await {
            tracing::warn!(error = &error as &dyn StdError, "the keys' file was not closed in order");
        }
        lived
    }

    async fn serve_and_close_logs(
        self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<(), LifeError> {
        let Stores { logs, failed, .. } = self.stores;
        let stop = CancellationToken::new();
        let (limits, tls) = (self.listener_limits, self.tls);
        let mut side_doors: JoinSet<()> =
            self.side_doors.into_iter().map(|open| open(stop.clone())).collect();
        let mut ports = vec![Port::new("all", listener, self.endpoint)];
        ports.extend(self.side_ports);
        let mut serving = pin!(serve_ports(ports, limits, tls, stop.clone(), DRAIN));
        tokio::select! {
            served = &mut serving => return Ok(served?),
            () = shutdown.cancelled() => {}
            () = failed.cancelled() => {}
        }
        self.readiness.switch_off();
        tokio::select! {
            served = &mut serving => return Ok(served?),
            () = sleep(SENDS_ELSEWHERE) => {}
            () = failed.cancelled() => {}
        }
        stop.cancel();
        let ended = timeout(DRAIN, async { while side_doors.join_next().await.is_some() {} });
        let (served, ended) = tokio::join!(serving, ended);
        served?;
        if ended.is_err() {
            tracing::warn!("what a protocol beside HTTP had begun took too long, and was broken off");
        }
        if failed.is_cancelled() {
            return Err(LifeError::StoreFailed);
        }
        Ok(logs.close().await?)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use poem::EndpointExt;
    use poem::endpoint::make;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use domain::SystemClock;

    use super::*;
    use crate::AuthenticatorOptions;
    use crate::authenticator::tests::FakeKeys;
    use crate::quotas::KeyRates;

    /// Long enough for any machine; what takes longer does not happen.
    const PLENTY: Duration = Duration::from_secs(60);

    /// A service that runs, and whose requests wait to be let go.
    struct Running {
        address: SocketAddr,
        stores: Stores,
        keys: Arc<FakeKeys>,
        readiness: Readiness,
        shutdown: CancellationToken,
        begun: Arc<Notify>,
        let_go: Arc<Notify>,
        run: JoinHandle<Result<(), LifeError>>,
    }

    async fn start() -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let keys = Arc::new(FakeKeys::default());
        let stores = Stores { keys: keys.clone(), ..Stores::in_memory() };
        let (readiness, shutdown) = (Readiness::default(), CancellationToken::new());
        let (begun, let_go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let service = Service {
            endpoint: waiting_endpoint(&stores, &begun, &let_go),
            side_ports: vec![],
            readiness: readiness.clone(),
            stores: stores.clone(),
            listener_limits: ListenerLimits::default(),
            tls: None,
            callers: callers(&stores),
            side_doors: Vec::new(),
        };
        let run = tokio::spawn(service.run_until(listener, shutdown.clone()));
        Running { address, stores, keys, readiness, shutdown, begun, let_go, run }
    }

    fn callers(stores: &Stores) -> Callers {
        let (keys, clock) = (Arc::clone(&stores.keys), Arc::new(SystemClock));
        Callers {
            authenticator: Arc::new(Authenticator::new(keys, clock, AuthenticatorOptions::default())),
            quotas: Arc::new(KeyQuotas::new(KeyRates::UNLIMITED)),
        }
    }

    /// Makes an endpoint that says that it was asked, waits, and then says whether the store still is open.
    fn waiting_endpoint(
        stores: &Stores,
        begun: &Arc<Notify>,
        let_go: &Arc<Notify>,
    ) -> BoxEndpoint<'static, Response> {
        let (logs, begun, let_go) = (Arc::clone(&stores.logs), Arc::clone(begun), Arc::clone(let_go));
        let answer = make(move |_| {
            let (logs, begun, let_go) = (Arc::clone(&logs), Arc::clone(&begun), Arc::clone(&let_go));
            async move {
                begun.notify_one();
                let_go.notified().await;
                if logs.check().await.is_ok() { "open" } else { "closed" }
            }
        });
        answer.map_to_response().boxed()
    }

    impl Running {
        /// Sends a request and returns when the service has begun to answer it.
        async fn ask(&self) -> TcpStream {
            let mut client = TcpStream::connect(self.address).await.unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
            timeout(PLENTY, self.begun.notified()).await.expect("the request arrives");
            client
        }

        async fn end(self) -> Result<(), LifeError> {
            timeout(PLENTY, self.run).await.expect("the service ends").unwrap()
        }
    }

    async fn rest_of(mut client: TcpStream) -> String {
        let mut answer = String::new();
        timeout(PLENTY, client.read_to_string(&mut answer)).await.expect("an answer comes").unwrap();
        answer
    }

    #[tokio::test]
    async fn a_shutdown_closes_the_stores_after_begun_requests_have_ended() {
        let service = start().await;
        let client = service.ask().await;

        service.shutdown.cancel();
        let readiness = service.readiness.clone();
        testkit::wait_until("it is not ready", PLENTY, async || (!readiness.is_on()).then_some(())).await;
        let is_open_meanwhile = service.stores.logs.check().await.is_ok() && !service.keys.is_closed();
        service.let_go.notify_one();
        let answer = rest_of(client).await;
        let (logs, keys) = (Arc::clone(&service.stores.logs), Arc::clone(&service.keys));
        let lived = service.end().await;

        assert!(is_open_meanwhile);
        assert!(answer.ends_with("open"), "{answer}");
        assert!(lived.is_ok(), "{lived:?}");
        assert!(matches!(logs.check().await, Err(StoreError::Closed)));
        assert!(keys.is_closed());
    }

    #[tokio::test]
    async fn a_service_that_shuts_down_still_listens_for_a_moment() {
        let service = start().await;

        service.shutdown.cancel();
        let readiness = service.readiness.clone();
        testkit::wait_until("it is not ready", PLENTY, async || (!readiness.is_on()).then_some(())).await;
        let client = service.ask().await;
        service.let_go.notify_one();
        let answer = rest_of(client).await;
        let address = service.address;
        let lived = service.end().await;

        assert!(answer.ends_with("open"), "{answer}");
        assert!(lived.is_ok(), "{lived:?}");
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_store_that_fails_ends_the_service_and_its_begun_requests_are_answered() {
        let service = start().await;
        let client = service.ask().await;

        service.stores.failed.cancel();
        service.let_go.notify_one();
        let answer = rest_of(client).await;
        let (readiness, keys) = (service.readiness.clone(), Arc::clone(&service.keys));
        let lived = service.end().await;

        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(matches!(lived, Err(LifeError::StoreFailed)), "{lived:?}");
        assert!(!readiness.is_on() && keys.is_closed());
    }

    #[test]
    fn a_store_that_failed_has_an_exit_code_of_its_own() {
        let code = |lived| exit_code(lived).map(|code| format!("{code:?}"));
        assert_eq!(code(Ok(())).unwrap(), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(Err(LifeError::StoreFailed)).unwrap(), format!("{:?}", ExitCode::from(70)));
        assert!(code(Err(LifeError::Close(StoreError::Closed))).is_err());
    }
}
