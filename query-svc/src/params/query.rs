//! A query string, taken apart but not yet understood.

use poem::Request;
use sentinel_http::Problem;

/// The parameters of a request, in order. Whoever reads one takes it out; what is left at the end is unknown.
#[derive(Debug, Clone)]
pub struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Query {
    /// Takes the query string of a request apart.
    ///
    /// # Errors
    /// A 400 when it is not percent-encoded UTF-8.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        Self::parse(request.uri().query().unwrap_or_default())
    }

    /// Takes a query string apart.
    ///
    /// # Errors
    /// A 400 when it is not percent-encoded UTF-8.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if pairs.iter().any(|(name, value)| [name, value].iter().any(|text| text.contains('\u{fffd}'))) {
            return Err(Problem::bad_request(
                "invalid_query",
                "the query string is not percent-encoded UTF-8",
            ));
        }
        Ok(Self { pairs, known: Vec::new() })
    }

    /// Makes a query of parameters that came in another way, such as a body.
    #[must_use]
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, known: Vec::new() }
    }

    /// Takes all values of a parameter that may be repeated or hold a comma list. `\,` is a comma inside a value.
    pub fn take_list(&mut self, name: &'static str) -> Vec<String> {
        self.take(name).iter().flat_map(|value| split_list(value)).collect()
    }

    /// Takes the value of a parameter that may be given once.
    ///
    /// # Errors
    /// A 400 when it is given twice.
    pub fn take_one(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let mut values = self.take(name).into_iter();
        let value = values.next();
        match values.next() {
            Some(_) => Err(Problem::invalid_parameter(name, "given more than once")),
            None => Ok(value),
        }
    }

    /// Takes the value of a switch; off unless it is given.
    ///
    /// # Errors
    /// A 400 when it is neither on nor off.
    pub fn take_switch(&mut self, name: &'static str) -> Result<bool, Problem> {
        match self.take_one(name)?.as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(Problem::invalid_parameter(name, "expected true or false")),
        }
    }

    /// Takes all parameters whose names begin with `prefix`: the rest of each name, and its values, which may be repeated
    /// or hold a comma list. `shown` is how a list of known parameters has them.
    pub fn take_prefixed(&mut self, prefix: &str, shown: &'static str) -> Vec<(String, Vec<String>)> {
        self.known.push(shown);
        let (taken, rest): (Vec<_>, _) =
            std::mem::take(&mut self.pairs).into_iter().partition(|(given, _)| given.starts_with(prefix));
        self.pairs = rest;
        let behind = |name: String| name[prefix.len()..].to_owned();
        taken.into_iter().map(|(name, value)| (behind(name), split_list(&value))).collect()
    }

    /// Returns how many parameters nobody has taken yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.pairs.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// A 400 that names the first parameter that nobody took, and all that there are.
    pub fn finish(self) -> Result<(), Problem> {
        match self.pairs.first() {
            None => Ok(()),
            Some((name, _)) => {
                let known = self.known.join(", ");
                let detail = format!("unknown parameter \"{name}\"; known here: {known}");
                Err(Problem::bad_request("unknown_parameter", detail))
            }
        }
    }

    fn take(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let (taken, rest) = std::mem::take(&mut self.pairs).into_iter().partition(|(given, _)| given == name);
        self.pairs = rest;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }
}

/// Splits a list at its commas, but not at those that follow a backslash. Any other backslash is itself.
fn split_list(list: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    for part in list.split_inclusive(',') {
        if let Some(before) = part.strip_suffix("\\,") {
            item.extend([before, ","]);
        } else if let Some(before) = part.strip_suffix(',') {
            item.push_str(before);
            items.push(std::mem::take(&mut item));
        } else {
            item.push_str(part);
        }
    }
    items.push(item);
    items.iter().map(|item| item.trim().to_owned()).collect()
}
