//! Where one message of a TCP stream ends and the next begins (RFC 6587): by counted octets, `83 <34>1 ...`, or by what
//! stands behind it, a line feed or a NUL. A stream may change from one to the other.

/// Most digits of a count: a message is shorter than a GiB.
const COUNT_DIGITS_MAX: usize = 9;

/// The beginning of what was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A message of so many bytes, behind so many that announce it, and with so many in all.
    Message {
        /// Where it begins.
        start: usize,
        /// Where it ends.
        end: usize,
        /// Where the next frame begins.
        next: usize,
    },
    /// There is no whole message yet.
    Incomplete,
    /// The message is longer than it may be; it has so many bytes in all, if that is known.
    TooLong(Option<usize>),
}

/// Finds the first message.
pub(super) fn first(received: &[u8], max_bytes: usize) -> Frame {
    match counted(received) {
        Count::Known { start, bytes } if bytes > max_bytes => Frame::TooLong(Some(start + bytes)),
        Count::Known { start, bytes } if received.len() < start + bytes => Frame::Incomplete,
        Count::Known { start, bytes } => {
            let next = start + bytes;
            // rsyslog's templates end with a line feed, which it counts; its own receiver drops it as well.
            let is_line = received[..next].ends_with(b"\n");
            Frame::Message { start, end: next - usize::from(is_line), next }
        }
        Count::Incomplete => Frame::Incomplete,
        Count::None => match memchr::memchr2(b'\n', 0, received) {
            Some(end) if end > max_bytes => Frame::TooLong(Some(end + 1)),
            Some(end) => {
                let is_crlf = received[..end].ends_with(b"\r");
                Frame::Message { start: 0, end: end - usize::from(is_crlf), next: end + 1 }
            }
            None if received.len() > max_bytes => Frame::TooLong(None),
            None => Frame::Incomplete,
        },
    }
}

enum Count {
    Known { start: usize, bytes: usize },
    Incomplete,
    None,
}

/// Reads `MSG-LEN SP` in front of `<`: a number that no zero begins.
fn counted(received: &[u8]) -> Count {
    if !matches!(received.first(), Some(b'1'..=b'9')) {
        return Count::None;
    }
    let digits = received.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > COUNT_DIGITS_MAX {
        return Count::None;
    }
    match received.get(digits..) {
        None | Some([] | [b' ']) => Count::Incomplete,
        Some([b' ', b'<', ..]) => {
            let number = std::str::from_utf8(&received[..digits]).ok().and_then(|text| text.parse().ok());
            number.map_or(Count::None, |bytes| Count::Known { start: digits + 1, bytes })
        }
        Some(_) => Count::None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(start: usize, end: usize, next: usize) -> Frame {
        Frame::Message { start, end, next }
    }

    #[test]
    fn messages_end_where_their_count_or_their_line_does() {
        for (received, expected) in [
            (&b"5 <1>ab<2>c\n"[..], message(2, 7, 7)),
            (b"<1>ab\n<2>", message(0, 5, 6)),
            (b"<1>ab\r\n", message(0, 5, 7)),
            (b"<1>ab\0<2>", message(0, 5, 6)),
            (b"\n<1>", message(0, 0, 1)),
            (b"10 apples\n", message(0, 9, 10)),
            (b"6 <1>a\nb", message(2, 8, 8)),
            (b"6 <1>ab\n<2>", message(2, 7, 8)),
            (b"0 <1>\n", message(0, 5, 6)),
            (b"1234567890 <1>\n", message(0, 14, 15)),
        ] {
            assert_eq!(first(received, 20), expected, "{}", received.escape_ascii());
        }
    }

    #[test]
    fn a_message_may_come_in_pieces_and_not_be_longer_than_the_limit() {
        for received in [&b""[..], b"5", b"5 ", b"5 <1>a", b"<1>ab", b"12345678"] {
            assert_eq!(first(received, 20), Frame::Incomplete, "{}", received.escape_ascii());
        }
        assert_eq!(first(b"21 <1>a", 20), Frame::TooLong(Some(24)));
        assert_eq!(first(&[b'a'; 21], 20), Frame::TooLong(None));
        let line = [&[b'a'; 21][..], b"\nrest"].concat();
        assert_eq!(first(&line, 20), Frame::TooLong(Some(22)));
    }

    proptest! {
        #[test]
        fn every_frame_lies_in_what_was_received_and_is_followed_by_less(
            received in "([1-9][0-9]? <|[0-9]{1,10}| |<|a|\r|\n|\0|ä){0,40}", max_bytes in 1..30_usize,
        ) {
            let mut rest = received.as_bytes();
            while !rest.is_empty() {
                match first(rest, max_bytes) {
                    Frame::Message { start, end, next } => {
                        prop_assert!(start <= end && end <= next && next <= rest.len());
                        prop_assert!(next > 0 && end - start <= max_bytes);
                        rest = &rest[next..];
                    }
                    Frame::TooLong(Some(bytes)) => {
                        prop_assert!(bytes > max_bytes);
                        rest = &rest[bytes.min(rest.len())..];
                    }
                    Frame::Incomplete => {
                        // A count may stand in front of it.
                        let most_bytes = COUNT_DIGITS_MAX + 1 + max_bytes;
                        prop_assert!(rest.len() < most_bytes);
                        break;
                    }
                    Frame::TooLong(None) => break,
                }
            }
        }
    }
}
