//! Bodies that are too much: too deep, too large, too many records, small on the wire and huge inside.

use std::io::Write;

use e2e_tests::Installation;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use futures_util::stream;
use reqwest::Body;

use super::table::{Post, check};

const MIB: usize = 1024 * 1024;

/// How deep some bodies are nested: a parser that recurses overflows its stack long before.
const DEPTH: usize = 100_000;

const GOOD: &str = r#"{"service":"pay","message":"good"}"#;

#[tokio::test]
async fn deep_nesting_is_refused_like_any_other_fault() {
    let installation = Installation::start();

    let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let objects = format!("{}1{}", "{\"a\":".repeat(DEPTH), "}".repeat(DEPTH));
    let with = |members: String| format!(r#"{{"service":"pay","message":"m",{members}}}"#);
    let posts = vec![
        Post::refused("bare", deep.clone(), "invalid_records").at(0, None, "not_an_object"),
        Post::refused("never closed", "[".repeat(DEPTH), "malformed_body").at(0, None, "malformed"),
        Post::refused("objects", "{\"a\":".repeat(DEPTH), "malformed_body").at(0, "a", "malformed"),
        Post::stored("an element", format!("[{GOOD},{deep}]"), &["good"]).at(1, None, "not_an_object"),
        Post::refused("an unknown field", with(format!("\"x\":{deep}")), "invalid_records")
            .at(0, "x", "too_long"),
        Post::refused("an attribute", with(format!("\"attributes\":{{\"x\":{deep}}}")), "invalid_records")
            .at(0, "attributes.x", "too_long"),
        Post::refused("an object", with(format!("\"x\":{objects}")), "invalid_records")
            .at(0, "x", "too_long"),
        Post::refused("a message", format!(r#"{{"service":"pay","message":{deep}}}"#), "invalid_records").at(
            0,
            "message",
            "wrong_type",
        ),
    ];

    check(&installation, posts).await;
}

#[tokio::test]
async fn bodies_of_50_mb_are_refused_with_and_without_their_length_announced() {
    let installation = Installation::start();

    let announced = vec![b' '; 50 * MIB];
    let chunks = std::iter::repeat_n(vec![b' '; MIB], 50).map(Ok::<_, std::io::Error>);
    let chunked = Body::wrap_stream(stream::iter(chunks));
    let posts = vec![
        Post::refused("announced", announced, "body_too_large").status(413),
        Post::refused("chunked", chunked, "body_too_large").status(413),
        Post::stored("the next one", GOOD, &["good"]),
    ];

    check(&installation, posts).await;
}

#[tokio::test]
async fn a_bomb_is_refused_in_every_encoding_and_so_is_what_is_not_what_it_says() {
    let installation = Installation::start();

    let zeros = vec![0; 40 * MIB];
    let gzip = gzip(&zeros);
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(&zeros).unwrap();
    let zstd = zstd::encode_all(zeros.as_slice(), 1).unwrap();
    let many_members = gzip.repeat(26);
    let bombs = [
        ("gzip", gzip.clone()),
        ("gzip", many_members),
        ("deflate", deflate.finish().unwrap()),
        ("zstd", zstd),
    ];
    let mut posts = Vec::new();
    for (encoding, bomb) in bombs {
        let what = format!("{encoding} of {} bytes", bomb.len());
        posts
            .push(Post::refused(what, bomb, "body_too_large").with("content-encoding", encoding).status(413));
    }
    let small = self::gzip(GOOD.as_bytes());
    for (what, body) in [
        ("no gzip at all", GOOD.as_bytes().to_vec()),
        ("cut gzip", small[..small.len() - 9].to_vec()),
        ("gzip with something behind it", [small.as_slice(), b"x"].concat()),
    ] {
        posts.push(Post::refused(what, body, "malformed_encoding").with("content-encoding", "gzip"));
    }
    posts.push(Post::stored("a small one", small, &["good"]).with("content-encoding", "gzip"));

    check(&installation, posts).await;
}

#[tokio::test]
async fn one_record_more_than_a_request_may_hold_refuses_all_of_them() {
    let installation = Installation::start();

    let array = format!("[{}]", vec![GOOD; 10_001].join(","));
    let lines = vec![GOOD; 10_001].join("\n");
    let posts = vec![
        Post::refused("array", array.clone(), "too_many_records"),
        Post::refused("wrapper", format!("{{\"logs\":{array}}}"), "too_many_records"),
        Post::refused("lines", lines, "too_many_records").with("content-type", "application/x-ndjson"),
        Post::stored("as many as it may", format!("[{}]", vec![GOOD; 10_000].join(",")), &["good"; 10_000]),
    ];

    check(&installation, posts).await;
}

#[tokio::test]
async fn more_faults_than_are_shown_are_counted() {
    let installation = Installation::start();

    let body = format!("[{}]", vec!["7"; 500].join(","));
    let mut post = Post::refused("500 numbers", body, "invalid_records");
    for index in 0..20 {
        post = post.at(index, None, "not_an_object");
    }

    check(&installation, vec![post]).await;
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}
