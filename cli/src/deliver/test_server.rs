//! An ingest-svc for tests: keeps what it is sent, honours `Idempotency-Key`, and fails as it is told.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is stored and answered.
    Stored,
    /// The connection is closed before anything is stored.
    LostBefore,
    /// It is stored, and the connection is closed without an answer.
    LostAfter,
    /// It is not stored, because its key is said to be another request's.
    Conflict,
    /// It is not stored, and answered as if one log too many had been.
    Miscounted,
    /// It is refused with this status and these header lines.
    Refused(u16, &'static str),
}

/// What the server has.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// All logs that were stored, in their order.
    pub(crate) logs: Vec<Value>,
    /// Every request: its key and its inflated body.
    pub(crate) requests: Vec<(String, String)>,
    /// The value of `Authorization` of the last request.
    pub(crate) authorization: String,
    answers: HashMap<String, (String, u16, String)>,
}

/// The server; it ends when it is dropped.
pub(crate) struct TestServer {
    /// Where it listens.
    pub(crate) url: String,
    kept: Arc<Mutex<Kept>>,
    _connections: JoinSet<()>,
}

type Fates = dyn Fn(usize, &[Value]) -> Fate + Send + Sync;

impl TestServer {
    /// Starts a server. `fate` gets the number of the request, from 0, and its logs.
    pub(crate) async fn start(fate: impl Fn(usize, &[Value]) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (log, fate): (_, Arc<Fates>) = (Arc::clone(&kept), Arc::new(fate));
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let served = serve(stream, Arc::clone(&log), Arc::clone(&fate));
                open.spawn(async move { drop(served.await) });
            }
        });
        Self { url, kept, _connections: connections }
    }

    /// Looks at what was kept.
    pub(crate) fn kept<T>(&self, look: impl FnOnce(&Kept) -> T) -> T {
        look(&self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the texts of all stored logs, in their order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = |log: &Value| log["raw_log"].as_str().unwrap_or_default().to_owned();
        self.kept(|kept| kept.logs.iter().map(text).collect())
    }
}

async fn serve(stream: TcpStream, kept: Arc<Mutex<Kept>>, fate: Arc<Fates>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut headers, mut line) = (HashMap::new(), String::new());
    while stream.read_line(&mut line).await? > 2 {
        if let Some((name, value)) = line.split_once(": ") {
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        line.clear();
    }
    let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
    let mut body = vec![0; header("content-length").parse().unwrap_or_default()];
    stream.read_exact(&mut body).await?;
    if header("content-encoding") == "zstd" {
        body = zstd::decode_all(&body[..])?;
    }
    let body = String::from_utf8(body).map_err(io::Error::other)?;
    let answer = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.authorization = header("authorization");
        kept.take(&header("idempotency-key"), body, &*fate)
    };
    let Some((status, extra, answer)) = answer else { return Ok(()) };
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", answer.len());
    stream.write_all(format!("{head}{extra}\r\n{answer}").as_bytes()).await?;
    stream.flush().await
}

impl Kept {
    /// Returns the status, further header lines and the body of an answer; `None`: there is none.
    fn take(&mut self, key: &str, body: String, fate: &Fates) -> Option<(u16, &'static str, String)> {
        let logs: Vec<Value> =
            body.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
        let number = self.requests.len();
        self.requests.push((key.to_owned(), body.clone()));
        let fate = fate(number, &logs);
        match fate {
            Fate::Refused(status, extra) => {
                let code = if status == 400 { "invalid_records" } else { "" };
                let problem = json!({"title": "refused", "detail": "as it was told", "code": code});
                return Some((status, extra, problem.to_string()));
            }
            Fate::Conflict => {
                return Some((422, "", json!({"code": "idempotency_conflict"}).to_string()));
            }
            Fate::Miscounted => {
                let answer = json!({"accepted": logs.len() + 1, "rejected": 0});
                return Some((201, "", answer.to_string()));
            }
            Fate::LostBefore => return None,
            Fate::Stored | Fate::LostAfter => {}
        }
        let (status, answer) = match self.answers.get(key) {
            Some((first, status, answer)) if *first == body => (*status, answer.clone()),
            Some(_) => (422, json!({"code": "idempotency_conflict"}).to_string()),
            None => {
                let answer = self.store(logs);
                self.answers.insert(key.to_owned(), (body, 201, answer.clone()));
                (201, answer)
            }
        };
        (fate == Fate::Stored).then_some((status, "", answer))
    }

    /// A log with `poison` in it is not valid.
    fn store(&mut self, logs: Vec<Value>) -> String {
        let (bad, good): (Vec<_>, Vec<_>) =
            logs.into_iter().enumerate().partition(|(_, log)| log.to_string().contains("poison"));
        let errors: Vec<Value> =
            bad.iter().map(|(index, _)| json!({"index": index, "detail": "it is poison"})).collect();
        let answer = json!({"accepted": good.len(), "rejected": bad.len(), "errors": errors, "first_id": 1});
        self.logs.extend(good.into_iter().map(|(_, log)| log));
        answer.to_string()
    }
}
