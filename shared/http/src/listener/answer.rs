//! An answer on its way to its client.
//!
//! hyper takes bytes out of a body before they are sent: over HTTP/2 all that the body gives, however little of it the
//! client wants. So an answer has left, and what it holds is free, when the last of its bytes is gone, and not when its
//! body is. And hyper tells its buffers, byte by byte, what is written: only there it shows whether a client takes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};

use super::pulse::InFlight;
use crate::shared_memory::Hold;

/// The bytes of an answer.
pub(super) type AnswerBytes = BoxBody<Bytes, io::Error>;

/// The body of an answer.
pub(super) struct AnswerBody {
    body: AnswerBytes,
    answer: Arc<Answer>,
}

/// What lasts until the body and all its pieces are gone.
struct Answer {
    in_flight: InFlight,
    _hold: Option<Hold>,
}

/// Bytes that were given out.
pub(super) struct AnswerPiece {
    bytes: Bytes,
    answer: Arc<Answer>,
}

impl AnswerBody {
    pub(super) fn new(body: AnswerBytes, in_flight: InFlight, hold: Option<Hold>) -> Self {
        Self { body, answer: Arc::new(Answer { in_flight, _hold: hold }) }
    }
}

impl Body for AnswerBody {
    type Data = AnswerPiece;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<AnswerPiece>>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        frame.map_ok(|frame| {
            frame.map_data(|bytes| {
                self.answer.in_flight.given(bytes.len());
                AnswerPiece { bytes, answer: Arc::clone(&self.answer) }
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Buf for AnswerPiece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.answer.in_flight.taken(count);
    }
}

impl Drop for AnswerPiece {
    fn drop(&mut self) {
        if self.bytes.has_remaining() {
            self.answer.in_flight.given_up(self.bytes.len());
        }
    }
}
