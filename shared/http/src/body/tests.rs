//! Bodies that are too large, too slow, wrongly encoded, or bombs.

use std::future::pending;
use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use futures_util::{StreamExt, stream};
use poem::Body;
use poem::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use poem::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::encoding::InflatedLimit;
use super::{BodyLimits, BodyReader, Encoding};
use crate::Problem;

/// Long enough for any machine; what takes longer does not happen.
const PLENTY: Duration = Duration::from_secs(60);

const WIRE_MAX: usize = 100_000;
const INFLATED_MAX: usize = 1_000_000;

fn limits() -> BodyLimits {
    let (wire_max_bytes, inflated_max_bytes) = (WIRE_MAX, INFLATED_MAX);
    BodyLimits { wire_max_bytes, inflated_max_bytes, ..BodyLimits::default() }
}

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(name, value.parse().unwrap());
    }
    map
}

async fn read_encoded(encoding: &str, body: Vec<u8>) -> Result<Bytes, Problem> {
    BodyReader::new(limits()).read(&headers(&[(CONTENT_ENCODING, encoding)]), body.into()).await
}

/// A body in pieces, without a length.
fn chunked(pieces: Vec<io::Result<Bytes>>) -> Body {
    Body::from_bytes_stream(stream::iter(pieces))
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 3).unwrap()
}

fn snappy_block(data: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(data).unwrap()
}

fn snappy_frames(data: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(data).unwrap();
    encoder.into_inner().unwrap()
}

/// Makes a block that says that it decompresses to so many bytes.
fn snappy_block_of(announced: usize, data: &[u8]) -> Vec<u8> {
    let (mut block, mut rest) = (Vec::new(), announced);
    while rest >= 0x80 {
        block.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    block.push(rest as u8);
    block.extend_from_slice(data);
    block
}

fn assert_refused<T: std::fmt::Debug>(result: Result<T, Problem>, status: u16, code: &str) {
    let problem = result.unwrap_err();
    assert_eq!((problem.status().as_u16(), problem.code()), (status, code));
}

#[tokio::test]
async fn every_supported_encoding_is_taken_off() {
    let text = "Payment completed ".repeat(2000);
    let table = [
        ("identity", text.clone().into_bytes()),
        ("gzip", gzip(text.as_bytes())),
        ("X-GZip", gzip(text.as_bytes())),
        ("zstd", zstd(text.as_bytes())),
        ("deflate", zlib(text.as_bytes())),
        ("snappy", snappy_block(text.as_bytes())),
        ("snappy", snappy_frames(text.as_bytes())),
        ("X-Snappy", snappy_block(text.as_bytes())),
        ("identity, gzip", gzip(text.as_bytes())),
        ("", text.clone().into_bytes()),
    ];
    for (encoding, body) in table {
        assert_eq!(read_encoded(encoding, body).await.unwrap(), text.as_bytes(), "{encoding}");
    }
}

#[tokio::test]
async fn small_and_large_bodies_are_inflated_alike() {
    let noise: Vec<u8> = (0..50_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for data in [&noise[..100], &noise[..]] {
        assert_eq!(read_encoded("gzip", gzip(data)).await.unwrap(), data);
    }
}

#[tokio::test]
async fn several_members_or_frames_are_one_body() {
    let joined = |a: Vec<u8>, b: Vec<u8>| [a, b].concat();
    let body = read_encoded("gzip", joined(gzip(b"one "), gzip(b"two"))).await.unwrap();
    assert_eq!(body, "one two");
    let body = read_encoded("zstd", joined(zstd(b"one "), zstd(b"two"))).await.unwrap();
    assert_eq!(body, "one two");
    let body = read_encoded("snappy", joined(snappy_frames(b"one "), snappy_frames(b"two"))).await.unwrap();
    assert_eq!(body, "one two");
}

#[tokio::test]
async fn a_bomb_is_refused_in_every_encoding() {
    let zeros = vec![0; 20 * INFLATED_MAX];
    let snappy_frames = snappy_frames(&zeros[..INFLATED_MAX + 1]);
    for (encoding, bomb) in [
        ("gzip", gzip(&zeros)),
        ("zstd", zstd(&zeros)),
        ("deflate", zlib(&zeros)),
        ("snappy", snappy_block(&zeros[..INFLATED_MAX + 1])),
        ("snappy", snappy_frames),
    ] {
        let problem = read_encoded(encoding, bomb).await.unwrap_err();
        assert_eq!(problem.code(), "body_too_large", "{encoding}");
        assert!(problem.detail().contains("1000000 bytes"), "{}", problem.detail());
    }
}

#[tokio::test]
async fn the_limit_holds_over_all_members_and_frames_together() {
    let part = vec![0; INFLATED_MAX / 2 + 1];
    assert_refused(read_encoded("gzip", gzip(&part).repeat(2)).await, 413, "body_too_large");
    assert_refused(read_encoded("zstd", zstd(&part).repeat(2)).await, 413, "body_too_large");
    let fits = vec![0; INFLATED_MAX / 2];
    assert_eq!(read_encoded("gzip", gzip(&fits).repeat(2)).await.unwrap().len(), INFLATED_MAX);
    assert_eq!(read_encoded("zstd", zstd(&fits).repeat(2)).await.unwrap().len(), INFLATED_MAX);
}

#[tokio::test]
async fn beyond_a_size_that_is_free_a_body_may_grow_only_so_many_times() {
    let limits = BodyLimits { inflated_max_ratio: 20, ratio_free_bytes: 50_000, ..limits() };
    let reader = BodyReader::new(limits);
    let zeros = |count| gzip(&vec![0; count]);
    let ask = async |body| reader.read(&headers(&[(CONTENT_ENCODING, "gzip")]), Vec::into(body)).await;
    assert_eq!(ask(zeros(50_000)).await.unwrap().len(), 50_000);
    let problem = ask(zeros(50_001)).await.unwrap_err();
    assert_eq!((problem.status().as_u16(), problem.code()), (413, "body_too_large"));
    assert!(problem.detail().contains("20 times") && problem.detail().contains("50000 bytes"), "{problem:?}");
    let noise: Vec<u8> = (0..3000_u32).flat_map(|n| Sha256::digest(n.to_le_bytes())).collect();
    assert_eq!(ask(gzip(&noise)).await.unwrap(), noise);
}

#[tokio::test]
async fn what_bodies_take_from_the_shared_memory_is_what_they_allocate() {
    let piece = Bytes::from(vec![0; 1000]);
    let pieces = |count| (0..count).map(|_| Ok(piece.clone())).collect::<Vec<_>>();
    let reader = BodyReader::new(BodyLimits { shared_max_bytes: 40 * 1024, ..limits() });
    let small = async || reader.read(&HeaderMap::new(), chunked(pieces(4))).await;
    let announced = headers(&[(CONTENT_LENGTH, "33000")]);
    let body = reader.read(&announced, chunked(pieces(33))).await.unwrap();
    assert!(small().await.is_ok(), "a body that says how long it is takes no more than that");
    drop(body);
    let body = reader.read(&HeaderMap::new(), chunked(pieces(33))).await.unwrap();
    assert_refused(small().await, 503, "overloaded");
    drop(body);
    assert_refused(reader.read(&HeaderMap::new(), chunked(pieces(41))).await, 413, "body_too_large");
}

#[tokio::test]
async fn broken_data_is_the_clients_mistake() {
    let data = b"some text that is long enough to be cut".repeat(20);
    let table = [
        ("gzip", gzip(&data)),
        ("zstd", zstd(&data)),
        ("deflate", zlib(&data)),
        ("snappy", snappy_frames(&data)),
        ("snappy", snappy_block(&data)),
    ];
    for (encoding, whole) in table {
        let cut = whole[..whole.len() - 6].to_vec();
        let trailed = [whole.clone(), b"garbage".to_vec()].concat();
        for body in [cut, trailed, b"no such thing".to_vec(), vec![whole[0]]] {
            assert_refused(read_encoded(encoding, body).await, 400, "malformed_encoding");
        }
    }
}

#[tokio::test]
async fn a_zstd_frame_may_not_ask_for_a_huge_window() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&vec![0; INFLATED_MAX / 2]).unwrap();
    assert_refused(read_encoded("zstd", encoder.finish().unwrap()).await, 400, "malformed_encoding");
}

#[tokio::test]
async fn nothing_is_allocated_for_the_length_that_a_snappy_block_claims_beyond_the_limit() {
    let reserved = |announced| {
        let mut reserved = Vec::new();
        let limit = InflatedLimit { bytes: INFLATED_MAX, ratio: None };
        let block = snappy_block_of(announced, b"\x08abc");
        let result = Encoding::Snappy.inflate(&block, limit, |bytes| {
            reserved.push(bytes);
            Ok(())
        });
        (result.map_err(|problem| problem.code()), reserved)
    };
    assert_eq!(reserved(3), (Ok(b"abc".to_vec()), vec![3]));
    for lie in [2, 4, 1000, INFLATED_MAX] {
        assert_eq!(reserved(lie), (Err("malformed_encoding"), vec![lie]));
    }
    for bomb in [INFLATED_MAX + 1, u32::MAX as usize] {
        assert_eq!(reserved(bomb), (Err("body_too_large"), vec![]));
    }
    assert_eq!(reserved(usize::MAX), (Err("malformed_encoding"), vec![]));
}

#[tokio::test]
async fn a_snappy_body_that_is_cut_or_changed_anywhere_is_refused_or_read_and_never_more() {
    let data: Vec<u8> = b"some text, some text again, and some more text".repeat(40);
    for whole in [snappy_block(&data), snappy_frames(&data)] {
        for cut in 1..whole.len() {
            let read = read_encoded("snappy", whole[..cut].to_vec()).await;
            // Between two chunks a stream may end: what begins with its identifier only is an empty one.
            assert!(read.as_ref().is_err() || read.as_ref().is_ok_and(Bytes::is_empty), "{cut}");
        }
        for at in 0..whole.len() {
            for bit in [0x01, 0x80] {
                let mut changed = whole.clone();
                changed[at] ^= bit;
                match read_encoded("snappy", changed).await {
                    Ok(read) => assert!(read.len() <= INFLATED_MAX, "{at}"),
                    Err(problem) => assert!(problem.status().is_client_error(), "{at}: {problem}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn an_encoding_that_goes_without_saying_is_taken_off_unless_another_is_named() {
    let read = async |named: &[(HeaderName, &str)], body: Vec<u8>| {
        let reader = BodyReader::new(limits());
        reader.read_encoded(&headers(named), body.into(), Encoding::Snappy).await
    };
    let named = |encoding| [(CONTENT_ENCODING, encoding)];
    assert_eq!(read(&[], snappy_block(b"text")).await.unwrap(), "text");
    assert_eq!(read(&named("gzip"), gzip(b"text")).await.unwrap(), "text");
    assert_eq!(read(&named("identity"), b"text".to_vec()).await.unwrap(), "text");
    assert_refused(read(&[], b"\xffno block".to_vec()).await, 400, "malformed_encoding");
}

#[tokio::test]
async fn encodings_that_are_unknown_or_nested_are_refused_with_a_list_of_what_is_not() {
    for encoding in ["br", "gzip, zstd", "gzip,gzip", "compress", "gzip;q=1"] {
        let problem = read_encoded(encoding, gzip(b"x")).await.unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (415, "unsupported_encoding"), "{encoding}");
        assert!(problem.headers().iter().any(|(_, value)| value == "gzip, zstd, deflate, snappy, identity"));
    }
    let twice = headers(&[(CONTENT_ENCODING, "gzip"), (CONTENT_ENCODING, "gzip")]);
    assert_refused(BodyReader::new(limits()).read(&twice, Body::empty()).await, 415, "unsupported_encoding");
}

#[tokio::test]
async fn an_empty_body_is_empty_in_every_encoding() {
    for encoding in ["gzip", "zstd", "deflate", "snappy", "identity"] {
        assert_eq!(read_encoded(encoding, Vec::new()).await.unwrap(), "", "{encoding}");
    }
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let reader = BodyReader::new(limits());
    let none = HeaderMap::new();
    assert_eq!(reader.read(&none, vec![0; WIRE_MAX].into()).await.unwrap().len(), WIRE_MAX);
    assert_refused(reader.read(&none, vec![0; WIRE_MAX + 1].into()).await, 413, "body_too_large");
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_as_it_comes() {
    let piece = Bytes::from(vec![0; WIRE_MAX / 4]);
    let pieces = |count| (0..count).map(|_| Ok(piece.clone())).collect::<Vec<_>>();
    let reader = BodyReader::new(limits());
    let body = reader.read(&HeaderMap::new(), chunked(pieces(4))).await.unwrap();
    assert_eq!(body.len(), WIRE_MAX);

    // Endless: that it is refused at all shows that it is not read to its end.
    let endless = Body::from_bytes_stream(stream::repeat(piece).map(Ok::<_, io::Error>));
    assert_refused(reader.read(&HeaderMap::new(), endless).await, 413, "body_too_large");
}

#[tokio::test]
async fn a_length_that_is_too_much_is_refused_before_anything_is_read() {
    let never = Body::from_bytes_stream(stream::once(pending::<io::Result<Bytes>>()));
    let headers = headers(&[(CONTENT_LENGTH, "100001")]);
    assert_refused(BodyReader::new(limits()).read(&headers, never).await, 413, "body_too_large");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken_for_a_short_one() {
    let pieces = vec![Ok(Bytes::from_static(b"half")), Err(io::ErrorKind::ConnectionReset.into())];
    let result = BodyReader::new(limits()).read(&HeaderMap::new(), chunked(pieces)).await;
    assert_refused(result, 400, "incomplete_body");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let soon = Duration::from_millis(1);
    let stalled = || {
        let first = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"half"))]);
        Body::from_bytes_stream(first.chain(stream::once(pending())))
    };
    let never = Duration::from_secs(3600);
    for (total_time, slow_start) in [(soon, never), (never, soon)] {
        let reader = BodyReader::new(BodyLimits { total_time, slow_start, ..limits() });
        let result = timeout(PLENTY, reader.read(&HeaderMap::new(), stalled())).await;
        let result = result.expect("each of the two limits ends it");
        assert_refused(result, 408, "body_too_slow");
    }
}

#[tokio::test]
async fn bodies_share_what_memory_there_is() {
    let reader = BodyReader::new(BodyLimits { shared_max_bytes: 100 * 1024, ..limits() });
    let first = reader.read(&HeaderMap::new(), vec![0; 60 * 1024].into()).await.unwrap();
    let second = reader.clone().read(&HeaderMap::new(), vec![0; 60 * 1024].into()).await;
    assert_refused(second, 503, "overloaded");
    drop(first);
    assert!(reader.read(&HeaderMap::new(), vec![0; 60 * 1024].into()).await.is_ok());
}
