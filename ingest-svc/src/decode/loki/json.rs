//! The push API in JSON: `{"streams":[{"stream":{labels},"values":[["<ns>","<line>",{metadata}],...]}]}`. Unknown members
//! are ignored.
//!
//! Senders write the labels before the lines, and both are read in one pass. Where the lines come first, their text is put
//! aside, and read when the labels are known.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::super::error::{DecodeError, Fault, codes};
use super::super::escapes::unescaped;
use super::super::fields::not_unicode;
use super::super::json_object::{
    Array, Object, ReadElements, ReadMembers, Scalar, Text, ignore, request_text,
};
use super::super::json_text::TextFault;
use super::super::members::{Members, NamedValues};
use super::super::record::Field;
use super::super::value::without_quotes;
use super::streams::{Streams, time_of_text};

pub(super) fn read_push(body: &[u8], streams: &mut Streams<'_, '_>) -> Result<(), DecodeError> {
    let mut json = serde_json::Deserializer::from_str(request_text(body)?);
    let mut push = Push { streams, stop: None };
    let read = Object(&mut push).deserialize(&mut json).and_then(|()| json.end());
    match (push.stop, read) {
        (Some(stop), _) => Err(stop),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => {
            Err(DecodeError::malformed(format!("the body is not a valid push in JSON: {error}")))
        }
    }
}

/// The push, or the array of its streams.
struct Push<'r, 'a, 'c> {
    streams: &'r mut Streams<'a, 'c>,
    /// Why reading was broken off, if it was not the syntax.
    stop: Option<DecodeError>,
}

/// A stream, or the array of its lines.
struct Stream<'q, 'r, 'a, 'c, 'de> {
    push: &'q mut Push<'r, 'a, 'c>,
    is_known: bool,
    /// Lines that came before their labels.
    put_aside: Option<&'de RawValue>,
}

/// Labels.
struct Labels<'m>(&'m mut Members);

/// A line from its start to its end.
struct LineSeed<'q, 'r, 'a, 'c>(&'q mut Push<'r, 'a, 'c>);

/// The elements of a line.
struct Line<'m, 'de> {
    metadata: &'m mut Members,
    next: usize,
    time: Option<Scalar<'de>>,
    line: Option<Text<'de>>,
}

/// Structured metadata.
struct Metadata<'m>(&'m mut Members);

// === Push ===

impl<'de> ReadMembers<'de> for Push<'_, '_, '_> {
    const EXPECTED: &'static str = "an object with an array streams";

    fn read_member<M: MapAccess<'de>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        if name == "streams" { members.next_value_seed(Array(self)) } else { ignore(members) }
    }
}

impl<'de> ReadElements<'de> for Push<'_, '_, '_> {
    const EXPECTED: &'static str = "an array of streams";

    fn read_element<S: SeqAccess<'de>>(&mut self, elements: &mut S) -> Result<bool, S::Error> {
        self.streams.start_stream();
        let mut stream = Stream { push: self, is_known: false, put_aside: None };
        if elements.next_element_seed(Object(&mut stream))?.is_none() {
            return Ok(false);
        }
        if let Some(lines) = stream.put_aside.take() {
            stream.know_labels();
            let mut json = serde_json::Deserializer::from_str(lines.get());
            Array(&mut stream).deserialize(&mut json).map_err(S::Error::custom)?;
        }
        Ok(true)
    }
}

// === Stream ===

impl Stream<'_, '_, '_, '_, '_> {
    fn know_labels(&mut self) {
        self.push.streams.end_labels(Ok(()));
        self.is_known = true;
    }
}

impl<'de> ReadMembers<'de> for Stream<'_, '_, '_, '_, 'de> {
    const EXPECTED: &'static str = "a stream, which is an object";

    fn read_member<M: MapAccess<'de>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        match name {
            "stream" if !self.is_known => {
                members.next_value_seed(Object(&mut Labels(&mut self.push.streams.labels)))?;
                self.know_labels();
                Ok(())
            }
            "values" if self.is_known => members.next_value_seed(Array(self)),
            "values" => {
                self.put_aside = Some(members.next_value()?);
                Ok(())
            }
            _ => ignore(members),
        }
    }
}

impl<'de> ReadElements<'de> for Stream<'_, '_, '_, '_, 'de> {
    const EXPECTED: &'static str = "an array of lines";

    #[inline]
    fn read_element<S: SeqAccess<'de>>(&mut self, elements: &mut S) -> Result<bool, S::Error> {
        Ok(elements.next_element_seed(LineSeed(self.push))?.is_some())
    }
}

impl<'de> ReadMembers<'de> for Labels<'_> {
    const EXPECTED: &'static str = "labels, which are an object";

    fn read_member<M: MapAccess<'de>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        let value: Scalar<'de> = members.next_value()?;
        match &value {
            Scalar::Null => {}
            Scalar::Text(text) => self.0.add_text(name, text),
            Scalar::BrokenText => add_broken(self.0, name),
            other => self.0.add_text(name, &other.to_string()),
        }
        Ok(())
    }

    fn read_unnamed<M: MapAccess<'de>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        add_broken(self.0, name);
        ignore(members)
    }
}

// === Line ===

impl<'de> DeserializeSeed<'de> for LineSeed<'_, '_, '_, '_> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let streams = &mut *self.0.streams;
        if let Err(stop) = streams.start_line() {
            self.0.stop = Some(stop);
            return Err(D::Error::custom("stopped"));
        }
        let mut line = Line { metadata: &mut streams.metadata, next: 0, time: None, line: None };
        Array(&mut line).deserialize(deserializer)?;
        let Line { time, line, .. } = line;
        let time = match time {
            None | Some(Scalar::Null) => Ok(None),
            Some(Scalar::Text(nanos)) => time_of_text(&nanos).map(Some),
            Some(other) => time_of_text(&other.to_string()).map(Some),
        };
        let line = match &line {
            Some(Text(Ok(line))) => Ok(&**line),
            Some(Text(Err(_))) => Err(not_unicode(Field::Message.name())),
            None => Err(no_line()),
        };
        streams.end_line(time, line);
        Ok(())
    }
}

#[cold]
fn no_line() -> Fault {
    let detail = "a line is an array of its time, its text and, if there is any, its metadata".to_owned();
    Fault::of(Field::Message.name(), codes::REQUIRED, detail)
}

impl<'de> ReadElements<'de> for Line<'_, 'de> {
    const EXPECTED: &'static str = "a line, which is an array";

    #[inline]
    fn read_element<S: SeqAccess<'de>>(&mut self, elements: &mut S) -> Result<bool, S::Error> {
        self.next += 1;
        Ok(match self.next {
            1 => {
                self.time = elements.next_element()?;
                self.time.is_some()
            }
            2 => {
                self.line = elements.next_element()?;
                self.line.is_some()
            }
            3 => elements.next_element_seed(Object(&mut Metadata(self.metadata)))?.is_some(),
            _ => elements.next_element::<IgnoredAny>()?.is_some(),
        })
    }
}

impl<'de> ReadMembers<'de> for Metadata<'_> {
    const EXPECTED: &'static str = "structured metadata, which is an object";

    #[inline]
    fn read_member<M: MapAccess<'de>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        let value = members.next_value::<&RawValue>()?.get();
        if value == "null" {
            return Ok(());
        }
        self.0.begin(name);
        let json = self.0.value();
        match value.as_bytes().first() {
            Some(b'"') => match unescaped(without_quotes(value)) {
                Some(text) => json.string(&text),
                None => json.fail(TextFault::BrokenText),
            },
            // Loki knows texts only; what has members stays the text that it is.
            Some(b'{' | b'[') => json.string(value),
            _ => json.plain(value),
        }
        self.0.end();
        Ok(())
    }

    fn read_unnamed<M: MapAccess<'de>>(&mut self, name: &str, members: &mut M) -> Result<(), M::Error> {
        add_broken(self.0, name);
        ignore(members)
    }
}

/// Adds a member whose name or value is no text, which is a fault.
#[cold]
fn add_broken(members: &mut Members, name: &str) {
    members.begin(name);
    members.value().fail(TextFault::BrokenText);
    members.end();
}
