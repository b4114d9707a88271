//! People: the set-up link, logging in and out, access tokens, and who may do what to whom.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e_tests::installation::sentinel;
use e2e_tests::programs::{output_of, program};
use e2e_tests::{Answer, Installation, Service};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sqlx::Connection;
use testkit::wait_until;

use crate::files;

/// The promise: so long after a logout, a removal or a new password, no process lets somebody in any more.
const OVER_WITHIN: Duration = Duration::from_secs(2);

const PATIENCE: Duration = Duration::from_secs(60);

const PASSWORD: &str = "ten green bottles";

/// A user as a browser, or an older program, is one.
struct Browser<'a> {
    service: &'a Service,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// Makes the first user, `ann`, with the link that a service printed.
    async fn set_up(service: &'a Service) -> Self {
        let answer = Answer::to(set_up(service, &token_of_link(&link_of(service).await))).await;
        assert_eq!(answer.status.as_u16(), 201, "{}", answer.text());
        Self { service, cookie: cookie_of(&answer) }
    }

    /// Logs in.
    async fn log_in(service: &'a Service, user: &str) -> Self {
        let answer = Answer::to(log_in(service, user, PASSWORD)).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
        Self { service, cookie: cookie_of(&answer) }
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        Client::new().request(method, self.service.url(path)).header("cookie", &self.cookie)
    }

    async fn get(&self, path: &str) -> Answer {
        Answer::to(self.ask(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.ask(Method::POST, path).json(body)).await
    }

    async fn add_user(&self, user: &str, role: &str) {
        let body = json!({"username": user, "password": PASSWORD, "role": role});
        let answer = self.post("/api/v1/users", &body).await;
        assert_eq!(answer.status.as_u16(), 201, "{}", answer.text());
    }
}

async fn link_of(service: &Service) -> String {
    wait_until("the link is printed", PATIENCE, async || links_of(service).pop()).await
}

fn links_of(service: &Service) -> Vec<String> {
    let lines = service.printed().stdout();
    let words = lines.iter().flat_map(|line| line.split(' ')).filter(|word| word.contains("/setup#token="));
    words.map(str::to_owned).collect()
}

fn token_of_link(link: &str) -> String {
    link.trim().split_once("#token=").expect("a link with a token").1.to_owned()
}

fn set_up(service: &Service, token: &str) -> RequestBuilder {
    let body = json!({"token": token, "username": "Ann", "password": PASSWORD});
    Client::new().post(service.url("/api/v1/auth/setup")).json(&body)
}

fn log_in(service: &Service, user: &str, password: &str) -> RequestBuilder {
    let body = json!({"username": user, "password": password});
    Client::new().post(service.url("/api/v1/auth/login")).json(&body)
}

fn cookie_of(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default();
    assert!(cookie.starts_with("sentinel_session=") && cookie.len() == 60, "{cookie}");
    cookie.to_owned()
}

/// Asks for an access token as FastAPI's clients do.
async fn access_token(service: &Service, user: &str) -> String {
    let password = PASSWORD.replace(' ', "+");
    let form = format!("grant_type=password&username={user}&password={password}&scope=&client_id=");
    let request = Client::new().post(service.url("/api/v1/auth/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = Answer::to(request).await;
    let json = answer.json();
    assert_eq!((answer.status.as_u16(), &json["token_type"]), (200, &json!("bearer")), "{}", answer.text());
    assert_eq!(json["expires_in"], 1800);
    json["access_token"].as_str().expect("a token").to_owned()
}

/// Returns a token with another signature that is one in its form: the first character of it is changed, for the last one
/// has bits that have to be zero.
fn forged_of(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a token has a signature");
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{other}{}", &signature[1..])
}

/// Sends and reads with a bearer credential.
async fn statuses(installation: &Installation, credential: &str) -> [u16; 2] {
    let log = json!({"service": "s", "message": "m"});
    let post = installation.client.post(installation.ingest.url("/logs")).bearer_auth(credential).json(&log);
    let get = installation.client.get(installation.query.url("/logs")).bearer_auth(credential);
    [Answer::to(post).await.status.as_u16(), Answer::to(get).await.status.as_u16()]
}

#[tokio::test]
async fn the_set_up_link_of_a_first_start_makes_one_admin_and_is_used_up() {
    let data = tempfile::tempdir().unwrap();
    let mut query = Service::start("query-svc", data.path(), &[]);
    let first = link_of(&query).await;
    query.ask_to_stop();
    assert!(query.wait_for_end().success());
    query.start_again();
    let link = wait_until("a new link is printed", PATIENCE, async || {
        links_of(&query).pop().filter(|link| *link != first)
    })
    .await;

    let page = Answer::to(Client::new().get(&link)).await;
    let script = Answer::to(Client::new().get(query.url("/setup.js"))).await;
    let replaced = Answer::to(set_up(&query, &token_of_link(&first))).await;
    let done = Answer::to(set_up(&query, &token_of_link(&link))).await;
    let again = Answer::to(set_up(&query, &token_of_link(&link))).await;
    let ann = Browser { service: &query, cookie: cookie_of(&done) };
    let me = ann.get("/api/v1/auth/me").await.json();

    assert!(page.text().contains("/setup.js"), "{}", page.text());
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    replaced.problem(401, "set_up_link_over").unwrap();
    assert_eq!(done.status.as_u16(), 201, "{}", done.text());
    again.problem(401, "set_up_link_over").unwrap();
    assert_eq!((&me["caller"], &me["role"]), (&json!("user:ann"), &json!("admin")));
    assert_eq!(me["scopes"], json!(["ingest", "read", "delete", "alerts", "admin"]));
    query.ask_to_stop();
    assert!(query.wait_for_end().success());
    let before = links_of(&query).len();
    query.start_again();
    assert_eq!(Answer::to(log_in(&query, "ann", PASSWORD)).await.status.as_u16(), 200);
    assert_eq!(links_of(&query).len(), before, "there is a user now");
}

#[tokio::test]
async fn no_well_known_password_opens_a_fresh_installation() {
    let data = tempfile::tempdir().unwrap();
    let up = Service::start("sentinel", data.path(), &["--failed-logins-per-minute", "1000"]);
    for user in ["admin", "root", "sentinel", "ann"] {
        for password in ["admin", "admin123", "password", "changeme", "sentinel", "", "12345678"] {
            Answer::to(log_in(&up, user, password)).await.problem(401, "login_failed").unwrap();
        }
    }
    assert!(link_of(&up).await.contains("/setup#token="));
}

#[tokio::test]
async fn a_cookie_is_for_encrypted_connections_when_a_trusted_proxy_says_that_there_is_one() {
    let data = tempfile::tempdir().unwrap();
    for (options, is_secure) in [(&["--trusted-proxies", "127.0.0.1"][..], true), (&[], false)] {
        let query = Service::start("query-svc", data.path(), options);
        if is_secure {
            let _first = Browser::set_up(&query).await;
        }
        let answer = Answer::to(log_in(&query, "ann", PASSWORD).header("x-forwarded-proto", "https")).await;
        let cookie = answer.header("set-cookie");
        assert_eq!(cookie.ends_with("; Secure"), is_secure, "{options:?}: {cookie}");
    }
}

#[tokio::test]
async fn a_session_works_for_our_own_pages_until_its_user_logs_out() {
    let data = tempfile::tempdir().unwrap();
    let query = Service::start("query-svc", data.path(), &[]);
    let _ann = Browser::set_up(&query).await;
    let answer = Answer::to(log_in(&query, " ANN ", PASSWORD)).await;
    let attributes = answer.header("set-cookie").split_once(';').unwrap().1.to_owned();
    let ann = Browser { service: &query, cookie: cookie_of(&answer) };
    let foreign = ("sec-fetch-site", "cross-site");
    let delete = |name, value| ann.ask(Method::DELETE, "/logs?service=s").header(name, value);

    let read = ann.get("/logs").await;
    let refused = [
        Answer::to(delete(foreign.0, foreign.1)).await,
        Answer::to(delete("origin", "http://elsewhere.example")).await,
        Answer::to(log_in(&query, "ann", PASSWORD).header(foreign.0, foreign.1)).await,
        Answer::to(ann.ask(Method::POST, "/api/v1/auth/logout").header(foreign.0, foreign.1)).await,
    ];
    let own = Answer::to(delete("sec-fetch-site", "same-origin")).await;
    let wrong_key = Answer::to(ann.ask(Method::GET, "/logs").header("x-api-key", "wrong")).await;
    let out = ann.post("/api/v1/auth/logout", &json!({})).await;
    let afterwards = ann.get("/logs").await;

    assert_eq!(attributes, " HttpOnly; SameSite=Strict; Path=/; Max-Age=43200");
    assert_eq!(
        (answer.json()["username"].as_str(), answer.json()["tenant"].as_str()),
        (Some("ann"), Some("default"))
    );
    assert_eq!((read.status.as_u16(), own.status.as_u16()), (200, 200), "{}", own.text());
    for refused in refused {
        refused.problem(403, "cross_site_request").unwrap();
    }
    wrong_key.problem(401, "unauthorized").unwrap();
    assert_eq!(out.status.as_u16(), 204);
    assert!(
        out.header("set-cookie").starts_with("sentinel_session=; ")
            && out.header("set-cookie").contains("Max-Age=0")
    );
    afterwards.problem(401, "unauthorized").unwrap();
}

#[tokio::test]
async fn a_name_that_is_tried_too_often_waits_and_who_is_logged_in_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let query = Service::start("query-svc", data.path(), &["--failed-logins-per-minute", "1000"]);
    let ann = Browser::set_up(&query).await;
    ann.add_user("bob", "viewer").await;

    for _ in 0..10 {
        Answer::to(log_in(&query, "ann", "wrong password")).await.problem(401, "login_failed").unwrap();
    }
    let right = Answer::to(log_in(&query, "ANN", PASSWORD)).await;
    let other = Answer::to(log_in(&query, "bob", PASSWORD)).await;

    right.problem(429, "too_many_failures").unwrap();
    assert!(right.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(other.status.as_u16(), 200, "{}", other.text());
    assert_eq!(ann.get("/logs").await.status.as_u16(), 200);
}

#[tokio::test]
async fn an_address_with_too_many_wrong_credentials_is_told_so_and_right_ones_work_there() {
    let installation = Installation::start();
    let query = Service::start("query-svc", installation.data.path(), &["--wrong-keys-per-minute", "20"]);
    let with = |key: &str| installation.client.get(query.url("/logs")).header("x-api-key", key);

    for _ in 0..20 {
        Answer::to(with("a-wrong-key")).await.problem(401, "unauthorized").unwrap();
    }
    let wrong = Answer::to(with("a-wrong-key")).await;
    let none = Answer::to(installation.client.get(query.url("/logs"))).await;
    let right = Answer::to(with(&installation.key)).await;

    wrong.problem(429, "too_many_failures").unwrap();
    assert!(!wrong.header("retry-after").is_empty());
    none.problem(401, "unauthorized").unwrap();
    assert_eq!(right.status.as_u16(), 200);
}

#[tokio::test]
async fn an_access_token_works_in_both_services_until_its_user_is_removed() {
    let installation = Installation::start();
    let ann = Browser::set_up(&installation.query).await;
    ann.add_user("bob", "editor").await;
    let token = access_token(&installation.query, "bob").await;
    let before = [statuses(&installation, &token).await, statuses(&installation, &forged_of(&token)).await];
    let me = installation.client.get(installation.query.url("/api/v1/auth/me")).bearer_auth(&token);
    let me = Answer::to(me).await.json();

    let removed = Answer::to(ann.ask(Method::DELETE, "/api/v1/users/bob")).await;
    let at_once = installation.client.get(installation.query.url("/logs")).bearer_auth(&token);
    let at_once = Answer::to(at_once).await;
    wait_until("both refuse it", OVER_WITHIN, async || {
        (statuses(&installation, &token).await == [401, 401]).then_some(())
    })
    .await;
    ann.add_user("bob", "editor").await;

    assert_eq!(before, [[201, 200], [401, 401]]);
    assert_eq!(
        (&me["caller"], &me["scopes"]),
        (&json!("user:bob"), &json!(["ingest", "read", "delete", "alerts"]))
    );
    assert_eq!(removed.status.as_u16(), 204, "{}", removed.text());
    at_once.problem(401, "unauthorized").unwrap();
    assert_eq!(statuses(&installation, &token).await, [401, 401], "it is not the new user's");
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_tokens_of_its_user() {
    let data = tempfile::tempdir().unwrap();
    let query = Service::start("query-svc", data.path(), &[]);
    let ann = Browser::set_up(&query).await;
    let stolen = Browser::log_in(&query, "ann").await;
    let token = access_token(&query, "ann").await;
    let change = async |old: &str, new: &str| {
        ann.post("/api/v1/auth/password", &json!({"old_password": old, "new_password": new})).await
    };

    change("not the old one", "eleven green bottles").await.problem(403, "wrong_password").unwrap();
    change(PASSWORD, "short").await.problem(400, "invalid_password").unwrap();
    assert_eq!(stolen.get("/logs").await.status.as_u16(), 200);
    assert_eq!(change(PASSWORD, "eleven green bottles").await.status.as_u16(), 204);

    assert_eq!(ann.get("/logs").await.status.as_u16(), 200);
    stolen.get("/logs").await.problem(401, "unauthorized").unwrap();
    let with_token = Client::new().get(query.url("/logs")).bearer_auth(&token);
    Answer::to(with_token).await.problem(401, "unauthorized").unwrap();
    Answer::to(log_in(&query, "ann", PASSWORD)).await.problem(401, "login_failed").unwrap();
    assert_eq!(Answer::to(log_in(&query, "ann", "eleven green bottles")).await.status.as_u16(), 200);
}

#[tokio::test]
async fn admins_keep_the_users_and_cannot_lock_everybody_out() {
    let installation = Installation::start();
    let ann = Browser::set_up(&installation.query).await;
    ann.add_user("vera", "viewer").await;
    let vera = Browser::log_in(&installation.query, "vera").await;
    let new = |user: &str, password: &str, role: &str| json!({"username": user, "password": password, "role": role});

    let listed = ann.get("/api/v1/users").await;
    let problems = [
        (ann.post("/api/v1/users", &new("VERA", PASSWORD, "admin")).await, 409, "name_taken"),
        (ann.post("/api/v1/users", &new("a b", PASSWORD, "admin")).await, 400, "invalid_user"),
        (ann.post("/api/v1/users", &new("bob", PASSWORD, "owner")).await, 400, "invalid_user"),
        (ann.post("/api/v1/users", &new("bob", "password1234", "viewer")).await, 400, "invalid_password"),
        (
            ann.post("/api/v1/users", &json!({"username": "bob", "pasword": PASSWORD})).await,
            400,
            "malformed_body",
        ),
        (vera.get("/api/v1/users").await, 403, "missing_scope"),
        (Answer::to(vera.ask(Method::DELETE, "/logs?service=s")).await, 403, "missing_scope"),
        (Answer::to(ann.ask(Method::DELETE, "/api/v1/users/ann")).await, 409, "own_account"),
        (Answer::to(ann.ask(Method::DELETE, "/api/v1/users/nobody")).await, 404, "not_found"),
        (Answer::to(installation.delete("/api/v1/users/ann")).await, 409, "last_admin"),
    ];

    let names: Vec<_> =
        listed.json()["users"].as_array().unwrap().iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["ann", "vera"]);
    assert!(!listed.text().contains("argon2"), "{}", listed.text());
    for (answer, status, code) in problems {
        answer.problem(status, code).unwrap();
        assert!(!answer.text().contains(PASSWORD), "{}", answer.text());
    }
    assert_eq!(vera.get("/logs").await.status.as_u16(), 200);
    let noted = ann.get("/api/v1/audit").await.json();
    let noted: Vec<_> = noted["entries"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    let count = |action: &str| noted.iter().filter(|noted| noted.as_str() == Some(action)).count();
    let counts = (count("user.created"), count("user.removed"));
    assert_eq!(counts, (1, 0), "what is asked for in vain is not noted: {noted:?}");
}

#[tokio::test]
async fn a_session_whose_time_is_over_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let query = Service::start("query-svc", data.path(), &["--session-time", "5m"]);
    let ann = Browser::set_up(&query).await;
    assert_eq!(ann.get("/logs").await.status.as_u16(), 200);

    // Nobody wants to wait for its end, so it lies in the past now.
    let mut control = files::open(&data.path().join("control.db")).await;
    let update = "UPDATE sessions SET expires_at = created_at - 1 WHERE expires_at = created_at + 300000000";
    let updated = sqlx::query(update).execute(&mut control).await.unwrap().rows_affected();
    control.close().await.unwrap();

    assert_eq!(updated, 1);
    wait_until("it is refused", OVER_WITHIN, async || {
        (ann.get("/logs").await.status.as_u16() == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_owner_who_is_locked_out_lets_himself_in_with_a_new_link() {
    let data = tempfile::tempdir().unwrap();
    let query = Service::start("query-svc", data.path(), &[]);
    let ann = Browser::set_up(&query).await;

    let printed = sentinel(&["users", "setup-link", "--url", &query.url("")], data.path());
    let link = String::from_utf8(printed.stdout).unwrap();
    let body = json!({"token": token_of_link(&link), "username": "owner", "password": PASSWORD});
    let taken = json!({"token": token_of_link(&link), "username": "ann", "password": PASSWORD});
    let post = |body: &Value| Client::new().post(query.url("/api/v1/auth/setup")).json(body);
    let taken = Answer::to(post(&taken)).await;
    let done = Answer::to(post(&body)).await;
    let listed = sentinel(&["users", "list"], data.path());

    assert!(link.starts_with(&query.url("/setup#token=")), "{link}");
    taken.problem(409, "name_taken").unwrap();
    assert_eq!((done.status.as_u16(), &done.json()["role"]), (201, &json!("admin")), "{}", done.text());
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("ann") && listed.contains("owner") && !listed.contains("argon2"), "{listed}");
    assert_eq!(ann.get("/logs").await.status.as_u16(), 200);
}

#[tokio::test]
async fn who_did_what_is_noted_and_no_secret_is() {
    let data = tempfile::tempdir().unwrap();
    let query = Service::start_with("query-svc", data.path(), &[], &[("RUST_LOG", "debug")]);
    let link = token_of_link(&link_of(&query).await);
    let ann = Browser::set_up(&query).await;
    ann.add_user("bob", "viewer").await;
    let token = access_token(&query, "bob").await;
    Browser::log_in(&query, "ann").await;
    Answer::to(log_in(&query, "bob", "some wrong password")).await.problem(401, "login_failed").unwrap();
    let malformed =
        Answer::to(log_in(&query, "bob", PASSWORD).body(format!("{{\"password\":\"{PASSWORD}"))).await;
    let out = ann.post("/api/v1/auth/logout", &json!({})).await;

    let session = secret_of(&ann.cookie).to_owned();
    let printed = query.printed();
    let ended = query.stop();
    let mut control = files::open(&data.path().join("control.db")).await;
    let noted: Vec<(String, Option<String>, String)> =
        sqlx::query_as("SELECT action, caller, subject FROM audit_log ORDER BY id")
            .fetch_all(&mut control)
            .await
            .unwrap();
    control.close().await.unwrap();

    assert!(ended.success() && out.status.as_u16() == 204);
    malformed.problem(400, "malformed_body").unwrap();
    assert!(!malformed.text().contains("bottles"), "{}", malformed.text());
    let noted: Vec<_> =
        noted.iter().map(|(what, who, whom)| (what.as_str(), who.as_deref(), whom.as_str())).collect();
    let expected = [
        ("user.set_up", Some("user:ann"), "ann"),
        ("user.created", Some("user:ann"), "bob"),
        ("login.succeeded", Some("user:bob"), "bob"),
        ("login.succeeded", Some("user:ann"), "ann"),
        ("login.failed", None, "bob"),
        ("login.ended", Some("user:ann"), "ann"),
    ];
    assert_eq!(noted, expected);
    for secret in [PASSWORD, "some wrong password", &token, &session] {
        let lines = [printed.stdout(), printed.stderr()].concat();
        assert!(lines.iter().any(|line| line.contains("answered")), "the log is as talkative as asked");
        assert!(!lines.iter().any(|line| line.contains(secret)), "{secret} is in the log");
        assert!(!is_in_a_file(data.path(), secret), "{secret} is in a file");
    }
    assert!(!printed.stderr().iter().any(|line| line.contains(&link)), "the link is in the log");
    assert!(!is_in_a_file(data.path(), &link), "the link is in a file");
}

#[tokio::test]
async fn a_well_known_secret_for_tokens_keeps_a_service_from_starting() {
    let data = tempfile::tempdir().unwrap();
    let tutorial = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";
    for secret in ["changeme", tutorial, "your-secret-key-change-in-production"] {
        for name in ["query-svc", "ingest-svc"] {
            let mut command = Command::new(program(name));
            command.arg("--data-dir").arg(data.path()).args(["--listen", "127.0.0.1:0"]);
            let output = output_of(command.env("SECRET_KEY", secret).current_dir(data.path()));
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && stderr.contains("SECRET_KEY"), "{stderr}");
            assert!(!stderr.contains(secret), "{stderr}");
        }
    }
    let good: [(&str, OsString); 1] = [("SECRET_KEY", "f3c1d7a95be04286a1c2d3e4f5061728".into())];
    let query = Service::start_with("query-svc", data.path(), &[], &good);
    Browser::set_up(&query).await;
    access_token(&query, "ann").await;
    assert!(!data.path().join("token-secret").exists());
}

/// Returns the part of a cookie that is secret.
fn secret_of(cookie: &str) -> &str {
    cookie.split_once('=').expect("a cookie has a value").1
}

fn is_in_a_file(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).expect("a directory that can be read").any(|entry| {
        let path = entry.expect("an entry that can be read").path();
        let bytes =
            if path.is_dir() { Vec::new() } else { fs::read(&path).expect("a file that can be read") };
        is_in_bytes(&bytes, text) || path.is_dir() && is_in_a_file(&path, text)
    })
}

fn is_in_bytes(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_key_that_a_browser_remembers_changes_nothing_for_pages_of_other_origins() {
    let installation = Installation::start();
    let delete = || {
        let url = installation.query.url("/logs?service=none");
        installation.client.delete(url).basic_auth("anybody", Some(&installation.key))
    };

    let elsewhere = Answer::to(delete().header("Origin", "http://elsewhere.example")).await;
    let cross_site = Answer::to(delete().header("Sec-Fetch-Site", "cross-site")).await;
    let program = Answer::to(delete()).await;
    let own_page = Answer::to(delete().header("Sec-Fetch-Site", "same-origin")).await;
    let bearer = installation.delete("/logs?service=none").header("Origin", "http://elsewhere.example");
    let bearer = Answer::to(bearer).await;

    elsewhere.problem(403, "cross_site_request").unwrap();
    cross_site.problem(403, "cross_site_request").unwrap();
    assert_eq!([program.status, own_page.status, bearer.status].map(|status| status.as_u16()), [200; 3]);
}

#[tokio::test]
async fn who_has_not_logged_in_yet_cannot_send_a_large_body() {
    let data = tempfile::tempdir().unwrap();
    let query = Service::start("query-svc", data.path(), &[]);
    let large = format!(r#"{{"username":"ann","password":"{}"}}"#, "x".repeat(600 * 1024));

    let answer = Answer::to(Client::new().post(query.url("/api/v1/auth/login")).body(large)).await;

    let problem = answer.problem(413, "body_too_large").unwrap();
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("524288")), "{problem}");
}
