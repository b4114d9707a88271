//! Bodies that are small on the wire and huge inside.

use std::io::{Read, Write, copy, repeat};

use e2e_tests::Answer;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compression, FlushCompress, Status};
use reqwest::Client;

use super::target::Target;

const MIB: usize = 1024 * 1024;

/// What a bomb says, and how it is answered.
struct Bomb {
    what: &'static str,
    encoding: &'static str,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
}

impl Bomb {
    fn new(what: &'static str, encoding: &'static str, body: Vec<u8>) -> Self {
        Self { what, encoding, body, status: 413, code: "body_too_large" }
    }
}

/// Makes a zstd frame of so many zeros.
fn zstd_zeros(mib: usize) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("a level that there is");
    copy(&mut repeat(0).take((mib * MIB) as u64), &mut encoder).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

/// Makes a deflate stream of so many times 1 MiB of zeros, each time by the same bytes: a full flush forgets what was
/// before, so that a piece can be repeated.
fn deflate_zeros(mib: usize) -> Vec<u8> {
    let mut compress = flate2::Compress::new(Compression::best(), false);
    let mut piece = Vec::with_capacity(64 * 1024);
    let status = compress.compress_vec(&vec![0; MIB], &mut piece, FlushCompress::Full).expect("zeros");
    assert!(status == Status::Ok && compress.total_in() == MIB as u64);
    let mut stream = piece.repeat(mib);
    // The last block: of fixed codes, and empty.
    stream.extend([0x03, 0x00]);
    stream
}

/// Puts the head of gzip before a deflate stream, and a checksum behind it that nobody gets to see.
fn as_gzip(stream: Vec<u8>) -> Vec<u8> {
    [vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff], stream, vec![0; 8]].concat()
}

fn as_zlib(stream: Vec<u8>) -> Vec<u8> {
    [vec![0x78, 0xda], stream, vec![0; 4]].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

fn bombs() -> Vec<Bomb> {
    let gzip_2_gib = as_gzip(deflate_zeros(2048));
    let many_members = gzip(&vec![0; MIB]).repeat(1000);
    let many_frames = zstd_zeros(1).repeat(10_000);
    let raw_deflate = {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"{}").expect("memory takes every byte");
        encoder.finish().expect("memory takes every byte")
    };
    let nested = |encoding| Bomb {
        status: 415,
        code: "unsupported_encoding",
        ..Bomb::new("nested", encoding, gzip(&gzip_2_gib))
    };
    let broken = |what, encoding, body| Bomb {
        status: 400,
        code: "malformed_encoding",
        ..Bomb::new(what, encoding, body)
    };
    let mut inner = ZlibEncoder::new(Vec::new(), Compression::fast());
    inner.write_all(&gzip_2_gib).expect("memory takes every byte");
    let inner = inner.finish().expect("memory takes every byte");
    vec![
        Bomb::new("512 MiB", "zstd", zstd_zeros(512)),
        Bomb::new("2 GiB", "gzip", gzip_2_gib.clone()),
        Bomb::new("2 GiB", "deflate", as_zlib(deflate_zeros(2048))),
        Bomb::new("1,000 members of 1 MiB", "gzip", many_members),
        Bomb::new("10,000 frames of 1 MiB", "zstd", many_frames),
        nested("gzip, gzip"),
        nested("zstd, gzip"),
        nested("identity, gzip, deflate"),
        // One encoding is taken off, and what it held is no JSON.
        Bomb { status: 400, code: "malformed_body", ..Bomb::new("a bomb inside", "deflate", inner) },
        broken("deflate without its frame", "deflate", raw_deflate),
        broken("a member and half of one", "gzip", [gzip(b"[]"), gzip(b"[]")[..12].to_vec()].concat()),
    ]
}

#[tokio::test]
async fn a_bomb_of_any_kind_is_refused_before_it_takes_memory() {
    let bombs = bombs();
    let target = Target::start(&[]).await;
    let client = Client::new();
    let load = target.load().await;
    for bomb in bombs {
        let start_kib = target.figures.start_memory();
        let what = format!("{} in {}, {} KiB", bomb.what, bomb.encoding, bomb.body.len().div_ceil(1024));
        let post = client.post(target.service.url("/logs")).bearer_auth(&target.key);
        let post = post.header("content-type", "application/json").header("content-encoding", bomb.encoding);
        let answer = Answer::to(post.body(bomb.body)).await;
        answer.problem(bomb.status, bomb.code).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        target.figures.assert_growth(&what, start_kib);
    }
    load.assert_unharmed().await;
}
