//! What can be wrong around a body: its type, its encoding, its parameters, its headers.

use e2e_tests::Installation;

use super::table::{Post, check};

const GOOD: &str = r#"{"service":"pay","message":"good"}"#;

#[tokio::test]
async fn types_and_encodings_that_are_not_supported_are_415() {
    let installation = Installation::start();

    let types = [
        "text/xml",
        "application/xml",
        "text/html",
        "application/protobuf",
        "nonsense",
        "text/plain; charset=latin1",
    ];
    let types = types.map(|content_type| {
        let post = Post::refused(content_type, GOOD, "unsupported_media_type").status(415);
        post.with("content-type", content_type)
    });
    let encodings = ["br", "compress", "gzip, gzip", "gzip, br", "nonsense"];
    let encodings = encodings.map(|encoding| {
        Post::refused(encoding, GOOD, "unsupported_encoding").status(415).with("content-encoding", encoding)
    });

    check(&installation, types.into_iter().chain(encodings).collect()).await;
}

#[tokio::test]
async fn a_parameter_that_is_no_boolean_is_400() {
    let installation = Installation::start();

    let paths =
        ["/logs?atomic=maybe", "/logs?atomic=", "/api/v1/logs?atomic=2", "/api/v1/logs/batch?atomic=TRUE%20"];
    let posts = paths.map(|path| Post::refused(path, GOOD, "invalid_parameter").to(path));

    check(&installation, posts.into()).await;
}

#[tokio::test]
async fn an_idempotency_key_that_is_none_is_400() {
    let installation = Installation::start();

    let keys = [b"".to_vec(), vec![b'k'; 256], b"a\tb".to_vec(), b"caf\xe9".to_vec()];
    let posts = keys.map(|key| {
        let what = String::from_utf8_lossy(&key).into_owned();
        Post::refused(what, GOOD, "invalid_idempotency_key").with("idempotency-key", key)
    });
    let two = Post::refused("two", GOOD, "invalid_idempotency_key");
    let two = two.with("idempotency-key", "first").with("idempotency-key", "second");

    check(&installation, posts.into_iter().chain([two]).collect()).await;
}
