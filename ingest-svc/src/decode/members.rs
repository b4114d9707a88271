//! Attributes in the making: the members of one JSON object, written one after the other as they are read.
//!
//! Of two members with one name the last stays. [`Members`] are those of one record, [`Shared`] those that many records
//! have in common, such as what a sender says about itself: they are written once and copied whole. Where a record has a
//! name of theirs, it keeps it, and theirs has a prefix.

use domain::limits::RecordLimits;

use super::error::{Fault, codes, shortened};
use super::fields::not_unicode;
use super::json_text::{JsonText, TextFault};
use super::record::Field;

/// Members of one object; the buffers are used again for the next one.
#[derive(Debug)]
pub(super) struct Members {
    limits: RecordLimits,
    /// The object's opening brace, and the members, each with a comma behind it.
    json: JsonText,
    places: Vec<Place>,
    /// What [`bit_of`] says of every name.
    names: u64,
    /// Where the member begins that is being written, and where its name ends.
    start: usize,
    name_end: usize,
    fault: Option<Fault>,
}

/// Members that many records have, written once.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The members, each with a comma behind it.
    text: String,
    places: Vec<(Place, &'static str)>,
    names: u64,
    /// The object of these members alone; empty: there are none.
    object: String,
}

/// Where a member stands in its text.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The name with its quotes.
    start: usize,
    name_end: usize,
    /// The end of the value, which begins behind a colon.
    end: usize,
}

/// What takes names with values: attributes, or an object inside of one.
pub(super) trait NamedValues {
    /// Starts a member.
    fn begin(&mut self, name: &str);
    /// Returns where its value is written, one value.
    fn value(&mut self) -> &mut JsonText;
    /// Ends it.
    fn end(&mut self);
}

// === impl Members ===

impl Members {
    /// Makes room for the attributes of records within these limits.
    pub(super) fn new(limits: &RecordLimits) -> Self {
        let mut members = Self {
            limits: *limits,
            json: JsonText::default(),
            places: Vec::new(),
            names: 0,
            start: 0,
            name_end: 0,
            fault: None,
        };
        members.clear();
        members
    }

    /// Forgets all members.
    pub(super) fn clear(&mut self) {
        self.json.clear();
        self.json.text_mut().push('{');
        self.places.clear();
        self.names = 0;
        self.fault = None;
    }

    /// Says whether there is no member.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns why these are no attributes, if they are not.
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// Adds a member with a text.
    pub(super) fn add_text(&mut self, name: &str, text: &str) {
        self.begin(name);
        self.value().string(text);
        self.end();
    }

    /// Adds a member that the record's own fields become. Where an attribute has the name, this one is `otel.<name>`; one
    /// that is beyond a limit is left out.
    pub(super) fn add_own(&mut self, name: &str, write: impl FnOnce(&mut JsonText)) {
        if self.fault.is_some() {
            return;
        }
        let mut name = name.to_owned();
        while self.find(&name).is_some() {
            name.insert_str(0, "otel.");
        }
        let start = self.json.as_str().len();
        self.start_member(&name);
        write(&mut self.json);
        if self.json.fault().is_some() {
            let text = std::mem::take(self.json.text_mut());
            self.json.clear();
            self.json.text_mut().push_str(&text[..start]);
            return;
        }
        self.end_member();
    }

    /// Takes a member out, as the text that it is, or as JSON if it is something else.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        let index = self.find(name)?;
        let Place { name_end, end, .. } = self.places[index];
        let value = &self.json.as_str()[name_end + 1..end];
        let text = serde_json::from_str(value).unwrap_or_else(|_| value.to_owned());
        self.remove(index);
        Some(text)
    }

    /// Takes a member out if what it is as a text is what is looked for.
    pub(super) fn take_if<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let index = self.find(name)?;
        let Place { name_end, end, .. } = self.places[index];
        let value = &self.json.as_str()[name_end + 1..end];
        let text: String = serde_json::from_str(value).ok()?;
        let found = read(&text)?;
        self.remove(index);
        Some(found)
    }

    /// Returns the members, and behind them the shared ones, as an object; empty if there are none.
    pub(super) fn object<'m>(&'m mut self, shared: &'m Shared) -> &'m str {
        if self.places.is_empty() {
            return &shared.object;
        }
        let collides = self.names & shared.names != 0
            && shared.places.iter().any(|(place, _)| self.find(shared.name(place)).is_some());
        if collides {
            for (place, prefix) in &shared.places {
                self.add_shared(shared, place, prefix);
            }
        } else {
            self.json.text_mut().push_str(&shared.text);
        }
        close_object(self.json.text_mut());
        self.json.as_str()
    }

    fn add_shared(&mut self, shared: &Shared, place: &Place, prefix: &str) {
        let name = shared.name(place);
        let mut name_here = name.to_owned();
        let is_anothers = |name_here: &str| name_here != name && shared.has(name_here);
        while self.find(&name_here).is_some() || is_anothers(&name_here) {
            name_here.insert_str(0, prefix);
        }
        let text = self.json.text_mut();
        let start = text.len();
        for part in ["\"", &name_here, "\"", &shared.text[place.name_end..=place.end]] {
            text.push_str(part);
        }
        let (name_end, end) = (start + name_here.len() + 2, text.len() - 1);
        // The next one may not have its name, either.
        self.places.push(Place { start, name_end, end });
        self.names |= bit_of(&name_here);
    }

    fn start_member(&mut self, name: &str) {
        self.start = self.json.as_str().len();
        self.json.bound(usize::MAX, 0);
        self.json.name(name);
        self.name_end = self.json.as_str().len() - 1;
        let levels = self.limits.attributes_depth.saturating_sub(1);
        self.json.bound(self.limits.attribute_value_bytes, levels);
    }

    fn end_member(&mut self) {
        self.json.text_mut().push(',');
        let (text, name) = (self.json.as_str(), self.start + 1..self.name_end - 1);
        let bit = bit_of(&text[name.clone()]);
        let before = self.find(&text[name]);
        let place = Place { start: self.start, name_end: self.name_end, end: text.len() - 1 };
        self.names |= bit;
        self.places.push(place);
        if let Some(before) = before {
            self.remove(before);
        }
    }

    /// Returns the index of the member with a name, which is given as JSON spells it.
    #[inline]
    fn find(&self, name: &str) -> Option<usize> {
        if self.names & bit_of(name) == 0 {
            return None;
        }
        let text = self.json.as_str();
        self.places.iter().position(|place| &text[place.start + 1..place.name_end - 1] == name)
    }

    fn remove(&mut self, index: usize) {
        let place = self.places.remove(index);
        let removed = place.start..place.end + 1;
        self.json.text_mut().replace_range(removed.clone(), "");
        for behind in &mut self.places[index..] {
            behind.start -= removed.len();
            behind.name_end -= removed.len();
            behind.end -= removed.len();
        }
    }

    #[cold]
    fn fail(&mut self, name: &str, code: &'static str, detail: String) {
        let field = format!("{}.{}", Field::Attributes.name(), shortened(name));
        self.fault.get_or_insert_with(|| Fault::of(&field, code, detail));
        // What follows is not wanted.
        self.json.fail(TextFault::TooLong);
    }

    #[cold]
    fn fail_value(&mut self, fault: TextFault) {
        let name = self.json.as_str()[self.start + 1..self.name_end - 1].to_owned();
        let limits = self.limits;
        match fault {
            TextFault::TooLong => {
                let limit = limits.attribute_value_bytes;
                let detail =
                    format!("{} has more than the {limit} bytes of JSON that are accepted", shortened(&name));
                self.fail(&name, codes::TOO_LONG, detail);
            }
            TextFault::TooDeep => {
                let detail = format!(
                    "{} is nested too deep: attributes have at most {} levels, their object included",
                    shortened(&name),
                    limits.attributes_depth
                );
                self.fail(&name, codes::TOO_DEEP, detail);
            }
            TextFault::BrokenText => {
                let fault = not_unicode(&format!("{}.{}", Field::Attributes.name(), shortened(&name)));
                self.fault.get_or_insert(fault);
            }
        }
    }
}

impl NamedValues for Members {
    fn begin(&mut self, name: &str) {
        if self.fault.is_some() {
            return;
        }
        let RecordLimits { attributes, attribute_name_bytes, .. } = self.limits;
        if name.len() > attribute_name_bytes {
            let bytes = name.len();
            let detail = format!(
                "an attribute's name has {bytes} bytes of UTF-8, at most {attribute_name_bytes} are accepted"
            );
            return self.fail(name, codes::TOO_LONG, detail);
        }
        if self.places.len() >= attributes {
            let detail =
                format!("a record, its sender and its scope have at most {attributes} attributes each");
            self.fault = Some(Fault::of(Field::Attributes.name(), codes::TOO_MANY_ATTRIBUTES, detail));
            return self.json.fail(TextFault::TooLong);
        }
        self.start_member(name);
    }

    fn value(&mut self) -> &mut JsonText {
        &mut self.json
    }

    fn end(&mut self) {
        if self.fault.is_some() {
            return;
        }
        if let Some(fault) = self.json.fault() {
            return self.fail_value(fault);
        }
        self.end_member();
    }
}

/// The members of an object inside of a value.
impl NamedValues for JsonText {
    fn begin(&mut self, name: &str) {
        self.name(name);
    }

    fn value(&mut self) -> &mut JsonText {
        self
    }

    fn end(&mut self) {}
}

// === impl Shared ===

impl Shared {
    /// Forgets all members.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
        self.names = 0;
        self.object.clear();
    }

    /// Adds members, which in a record that has their name are called `<prefix><name>`.
    pub(super) fn add(&mut self, members: &Members, prefix: &'static str) {
        for place in &members.places {
            let text = members.json.as_str();
            let mut name = text[place.start + 1..place.name_end - 1].to_owned();
            while self.has(&name) {
                name.insert_str(0, prefix);
            }
            let start = self.text.len();
            for part in ["\"", &name, "\"", &text[place.name_end..=place.end]] {
                self.text.push_str(part);
            }
            let place = Place { start, name_end: start + name.len() + 2, end: self.text.len() - 1 };
            self.places.push((place, prefix));
            self.names |= bit_of(&name);
        }
    }

    /// Ends the adding.
    pub(super) fn complete(&mut self) {
        self.object.clear();
        if self.text.is_empty() {
            return;
        }
        self.object.push('{');
        self.object.push_str(&self.text);
        close_object(&mut self.object);
    }

    fn name(&self, place: &Place) -> &str {
        &self.text[place.start + 1..place.name_end - 1]
    }

    fn has(&self, name: &str) -> bool {
        self.names & bit_of(name) != 0 && self.places.iter().any(|(place, _)| self.name(place) == name)
    }
}

/// Puts the closing brace in the place of the last member's comma.
fn close_object(text: &mut String) {
    text.pop();
    text.push('}');
}

/// Returns one bit for a name: names whose bits differ, differ. Most do, and then need not be compared.
#[inline]
fn bit_of(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let at = |index: usize| bytes.get(index).copied().map_or(0, usize::from);
    let mix = bytes.len() * 7 + at(0) * 3 + at(bytes.len() / 2) * 5 + at(bytes.len().saturating_sub(1)) * 11;
    1 << (mix % 64)
}
