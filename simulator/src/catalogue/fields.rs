//! The values that fill a message, and the fields that several services share.

/// How a value is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Draw {
    /// A whole number, both ends included.
    Whole(u64, u64),
    /// An amount with two decimals, in hundredths, both ends included.
    Hundredths(u64, u64),
    /// A prefix and so many decimal digits.
    Id(&'static str, u32),
    /// So many hexadecimal digits (at most 16).
    Hex(usize),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An address of the documentation ranges of RFC 5737.
    Address,
}

/// A named value of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// The placeholder in the message and the name of the attribute.
    pub(crate) name: &'static str,
    /// How the value is drawn.
    pub(crate) draw: Draw,
}

/// Names a value.
pub(crate) const fn field(name: &'static str, draw: Draw) -> Field {
    Field { name, draw }
}

/// A duration that the user noticed or not, in milliseconds.
pub(crate) const fn latency_ms(from: u64, to: u64) -> Field {
    field("latency_ms", Draw::Whole(from, to))
}

/// A number of things.
pub(crate) const fn count(name: &'static str, from: u64, to: u64) -> Field {
    field(name, Draw::Whole(from, to))
}

/// Who asked.
pub(crate) const USER_ID: Field = field("user_id", Draw::Id("u", 5));
/// Which order it is about.
pub(crate) const ORDER_ID: Field = field("order_id", Draw::Id("ord-", 9));
/// Which payment it is about.
pub(crate) const PAYMENT_ID: Field = field("payment_id", Draw::Id("pay-", 8));
/// Which article it is about.
pub(crate) const SKU: Field = field("sku", Draw::Id("SKU-", 6));
/// How much money.
pub(crate) const AMOUNT: Field = field("amount", Draw::Hundredths(299, 89_900));
/// In which currency.
pub(crate) const CURRENCY: Field = field("currency", Draw::OneOf(&["EUR", "USD", "GBP", "ARS"]));
/// Where the client is.
pub(crate) const CLIENT_IP: Field = field("client_ip", Draw::Address);
/// Which try it is, after the first.
pub(crate) const ATTEMPT: Field = field("attempt", Draw::Whole(2, 4));
