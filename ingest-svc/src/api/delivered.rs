//! The body of a request that brings logs: read within limits, as bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt;
use poem::{Body, Request, RequestBody};
use sentinel_http::{BodyReader, Encoding, KeyQuotas, Problem};

/// A body without its encoding.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) bytes: Bytes,
    /// How many bytes arrived, before anything was inflated.
    pub(super) wire_bytes: usize,
}

impl Delivered {
    /// Reads it; where the request names no encoding, it is encoded as `unless_named`. Whoever sent a body that cannot be
    /// read is charged for it.
    ///
    /// # Errors
    /// As [`BodyReader::read`].
    pub(super) async fn read(
        request: &Request,
        body: &mut RequestBody,
        unless_named: Encoding,
    ) -> Result<Self, Problem> {
        let reader =
            request.data::<BodyReader>().ok_or_else(|| Problem::internal("no BodyReader in the data"))?;
        let arrived = Arc::new(AtomicUsize::new(0));
        let body = counted(body.take().map_err(Problem::internal)?, Arc::clone(&arrived));
        let read = reader.read_encoded(request.headers(), body, unless_named).await;
        let wire_bytes = arrived.load(Ordering::Relaxed);
        let bytes = read.inspect_err(|_| KeyQuotas::charge_wasted(request, wire_bytes))?;
        Ok(Self { bytes, wire_bytes })
    }
}

/// Returns a body that counts its bytes as they are read.
fn counted(body: Body, arrived: Arc<AtomicUsize>) -> Body {
    Body::from_bytes_stream(body.into_bytes_stream().inspect_ok(move |bytes| {
        arrived.fetch_add(bytes.len(), Ordering::Relaxed);
    }))
}
