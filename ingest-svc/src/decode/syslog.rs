//! Messages of syslog, each as it came over the network. None is malformed: one whose header cannot be read is a message.

use std::borrow::Cow;
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
const ORIGINAL_BYTES: &str = "log.record.original.base64";

/// The attribute with the name of the program, where the service is another one.
const APP_NAME: &str = "syslog.appname";

/// Most bytes of a header, structured data included, beside those of the message.
pub const HEADER_MAX_BYTES: usize = 64 * 1024;

/// Decodes messages: where each is in `bytes`, and whom it comes from.
///
/// # Errors
/// [`DecodeError::TooManyRecords`] and [`DecodeError::TooLarge`].
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
        let mut line = read(&text, context);
        complete(&mut line, *peer, context);
        if matches!(text, Cow::Owned(_)) {
            line.attributes.push_text(ORIGINAL_BYTES, &STANDARD.encode(sent));
        }
        if !line.is_within(context.limits) {
            line = Line::of_message(&*text);
            complete(&mut line, *peer, context);
        }
        builder.end_with_line(&line);
    }
    builder.finish()
}

/// Reads a message; one that is too long to be stored is not looked at.
fn read<'a>(text: &'a str, context: &Context<'_>) -> Line<'a> {
    let most = context.limits.message_bytes + HEADER_MAX_BYTES;
    let parsed = if text.len() <= most { syslog::parse_message(text, context.received_at) } else { None };
    parsed.unwrap_or_else(|| Line::of_message(text))
}

/// Adds what the message itself does not say, and keeps the program's name where the key's service takes its place.
fn complete(line: &mut Line<'_>, peer: IpAddr, context: &Context<'_>) {
    match (&line.service, context.bound_service) {
        (Some(program), Some(bound)) if program.as_ref() != bound.as_str() => {
            let program = program.clone();
            line.attributes.push_text(APP_NAME, &program);
        }
        (None, None) => line.service = Some(SERVICE.into()),
        _ => {}
    }
    if line.host.is_empty() {
        line.host = peer.to_string().into();
    }
}
