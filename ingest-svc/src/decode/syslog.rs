//! Messages of syslog, each as it came over the network. None is malformed: one whose header cannot be read is a message.

use std::net::IpAddr;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::builder::BatchBuilder;
use super::line::{Line, syslog};
use super::{Context, DecodeError, Decoded};

/// The service of a message that names no program, sent with a key that is bound to no service.
const SERVICE: &str = "syslog";

/// The attribute with the bytes of a message that is not UTF-8.
const ORIGINAL: &str = "log.record.original.base64";

/// Decodes messages: where each is in `bytes`, and whom it comes from.
///
/// # Errors
/// [`DecodeError::TooManyRecords`].
pub fn decode_syslog(
    bytes: &[u8],
    messages: &[(Range<usize>, IpAddr)],
    context: &Context<'_>,
) -> Result<Decoded, DecodeError> {
    let mut builder = BatchBuilder::new(context);
    for (range, peer) in messages {
        builder.start_record()?;
        let sent = &bytes[range.clone()];
        let text = String::from_utf8_lossy(sent);
        let mut line =
            syslog::parse_message(&text, context.received_at).unwrap_or_else(|| Line::of_message(&*text));
        if line.service.is_none() && context.bound_service.is_none() {
            line.service = Some(SERVICE.into());
        }
        if line.host.is_empty() {
            line.host = peer.to_string().into();
        }
        if matches!(text, std::borrow::Cow::Owned(_)) {
            line.attributes.push_text(ORIGINAL, &STANDARD.encode(sent));
        }
        if !line.is_within(context.limits) {
            line = Line { service: Some(SERVICE.into()), ..Line::of_message(&*text) };
        }
        builder.end_with_line(&line);
    }
    Ok(builder.finish())
}
