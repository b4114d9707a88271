//! Every bound that a client can meet, as a named constant with its unit. An error that a bound causes
//! states the bound.

/// Most bytes of a request body as it arrives, before any decompression (8 MiB).
pub const BODY_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Most bytes of a request body after decompression (32 MiB): a bomb is refused while it is inflated.
pub const BODY_INFLATED_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Most records in one request.
pub const BATCH_MAX_RECORDS: usize = 10_000;

/// Most bytes of messages and attributes that a request may become (64 MiB). What a sender says once for many records, such as
/// the attributes of an OpenTelemetry resource, is part of each of them, so that a small body can become a huge batch.
pub const BATCH_DECODED_MAX_BYTES: usize = 2 * BODY_INFLATED_MAX_BYTES;

/// Most bytes of one message (256 KiB, the line limit that Loki's clients know).
pub const MESSAGE_MAX_BYTES: usize = 256 * 1024;

/// Most bytes of a service name.
pub const SERVICE_MAX_BYTES: usize = 256;

/// Most bytes of `trace_id`, `span_id` and `host`, each.
pub const IDENTIFIER_MAX_BYTES: usize = 256;

/// Most attributes of one record, counted at the top level.
pub const ATTRIBUTES_MAX_COUNT: usize = 128;

/// Most bytes of one attribute's name.
pub const ATTRIBUTE_NAME_MAX_BYTES: usize = 256;

/// Most bytes of one attribute's value, as JSON text (32 KiB).
pub const ATTRIBUTE_VALUE_MAX_BYTES: usize = 32 * 1024;

/// Deepest nesting of attributes; the attributes object itself is level 1.
pub const ATTRIBUTES_MAX_DEPTH: usize = 16;

/// Most record errors spelled out in one answer; the rest is only counted.
pub const RECORD_ERRORS_SHOWN: usize = 20;

/// Rows of a page when the client does not say.
pub const PAGE_DEFAULT_ROWS: u32 = 100;

/// Most rows of a page; a larger `limit` is served as this many, with a link to the rest.
pub const PAGE_MAX_ROWS: u32 = 1000;

/// Most bytes of messages and attributes on a page (16 MiB): a page of larger records has fewer rows, and a
/// link to the rest.
pub const PAGE_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Furthest row that `offset` can reach. Beyond it the position has to be a cursor, which
/// never walks over the rows before it, where an offset keeps in memory all that it skips.
pub const OFFSET_MAX_ROWS: u64 = 100_000;

/// Most bytes of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_MAX_BYTES: usize = 255;

/// How long a repeated `Idempotency-Key` gives the first answer again, in microseconds (24 h).
pub const IDEMPOTENCY_KEPT_MICROS: i64 = 24 * 3600 * 1_000_000;

/// Most bytes of a tenant's name.
pub const TENANT_MAX_BYTES: usize = 64;

/// Most API keys of one tenant that work at a time.
pub const KEYS_MAX: usize = 1000;

/// Most bytes of an API key's name.
pub const KEY_NAME_MAX_BYTES: usize = 128;

/// Fewest characters of an API key that an operator brings along.
pub const GIVEN_KEY_MIN_CHARS: usize = 16;

/// Most characters of an API key that an operator brings along.
pub const GIVEN_KEY_MAX_CHARS: usize = 512;

/// Entries of a page of the audit log when the client does not say.
pub const AUDIT_PAGE_DEFAULT_ENTRIES: u32 = 100;

/// Most entries of a page of the audit log; a larger `limit` is served as this many.
pub const AUDIT_PAGE_MAX_ENTRIES: u32 = 1000;
/// Most bytes of a user's name.
pub const USER_NAME_MAX_BYTES: usize = 64;

/// Most users of a tenant.
pub const USERS_MAX: usize = 1000;

/// Most sessions of a user: a further one ends the oldest.
pub const USER_SESSIONS_MAX: usize = 50;

/// Most bytes of a query, the text of a search box (10 KiB).
pub const QUERY_MAX_BYTES: usize = 10 * 1024;

/// Most terms of one query.
pub const QUERY_MAX_TERMS: usize = 1000;

/// Deepest nesting of a query's parentheses.
pub const QUERY_MAX_DEPTH: usize = 64;

/// Most regular expressions and words with asterisks of one query.
pub const QUERY_MAX_PATTERNS: usize = 16;

/// Most bytes of a regular expression.
pub const PATTERN_MAX_BYTES: usize = 512;

/// Most bytes of a regular expression's program (128 KiB): what it may cost to make one. `\w`, which knows the letters
/// of all scripts, takes some 50 KiB.
pub const PATTERN_MAX_COMPILED_BYTES: usize = 128 * 1024;

/// Most characters that the classes of a query's regular expressions go through while they are read. Where the case of
/// letters does not matter, each character of a class is one: a short `(?i)[\x{0}-\x{10FFFF}]` is a million.
pub const PATTERNS_MAX_CLASS_CHARS: u64 = 2_000_000;

/// Deepest nesting of a regular expression.
pub const PATTERN_MAX_NESTING: u32 = 50;

/// Most asterisks of a word, several in a row being one.
pub const WILDCARD_MAX_ASTERISKS: usize = 16;

/// Most bytes of a message's template, but for the `…` where it is cut (1 KiB).
pub const TEMPLATE_MAX_BYTES: usize = 1024;

/// Most buckets of a time series.
pub const BUCKETS_MAX: usize = 10_000;

/// Most counts that a question is answered from, one for each bucket, service and severity: some 40 MB.
pub const COUNTS_MAX: usize = 250_000;

/// Most retention rules of one tenant.
pub const RETENTION_RULES_MAX: usize = 100;

/// Most bytes of a retention rule's name.
pub const RETENTION_NAME_MAX_BYTES: usize = 128;

/// Most bytes of a retention rule's filter, as the text of a query string (32 KiB).
pub const RETENTION_FILTER_MAX_BYTES: usize = 32 * 1024;

/// Longest age that a retention rule may keep, in seconds (100 years of 365 days).
pub const RETENTION_MAX_AGE_SECONDS: u64 = 100 * 365 * 86_400;

/// What a request and its records may hold, where an installation may say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordLimits {
    /// Most records of a request.
    pub batch_records: usize,
    /// Most bytes of a message.
    pub message_bytes: usize,
    /// Most attributes of a record.
    pub attributes: usize,
    /// Most bytes of an attribute's name.
    pub attribute_name_bytes: usize,
    /// Most bytes of an attribute's value, as JSON text.
    pub attribute_value_bytes: usize,
    /// Deepest nesting of attributes; the attributes object itself is level 1.
    pub attributes_depth: usize,
}

impl RecordLimits {
    /// The limits of an installation that says nothing else.
    pub const STANDARD: Self = Self {
        batch_records: BATCH_MAX_RECORDS,
        message_bytes: MESSAGE_MAX_BYTES,
        attributes: ATTRIBUTES_MAX_COUNT,
        attribute_name_bytes: ATTRIBUTE_NAME_MAX_BYTES,
        attribute_value_bytes: ATTRIBUTE_VALUE_MAX_BYTES,
        attributes_depth: ATTRIBUTES_MAX_DEPTH,
    };
}
