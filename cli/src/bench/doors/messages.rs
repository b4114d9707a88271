//! The messages of OTLP's and Loki's protobuf, as far as these logs need them.

/// OTLP: `opentelemetry/proto/logs/v1/logs.proto`.
pub(super) mod otlp {
    use serde_json::Value;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Request {
        #[prost(message, repeated, tag = "1")]
        pub(in super::super) resource_logs: Vec<ResourceLogs>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct ResourceLogs {
        #[prost(message, optional, tag = "1")]
        pub(in super::super) resource: Option<Resource>,
        #[prost(message, repeated, tag = "2")]
        pub(in super::super) scope_logs: Vec<ScopeLogs>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Resource {
        #[prost(message, repeated, tag = "1")]
        pub(in super::super) attributes: Vec<KeyValue>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct ScopeLogs {
        #[prost(message, repeated, tag = "2")]
        pub(in super::super) records: Vec<Record>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Record {
        #[prost(fixed64, tag = "1")]
        pub(in super::super) time_unix_nano: u64,
        #[prost(int32, tag = "2")]
        pub(in super::super) severity_number: i32,
        #[prost(string, tag = "3")]
        pub(in super::super) severity_text: String,
        #[prost(message, optional, tag = "5")]
        pub(in super::super) body: Option<AnyValue>,
        #[prost(message, repeated, tag = "6")]
        pub(in super::super) attributes: Vec<KeyValue>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct KeyValue {
        #[prost(string, tag = "1")]
        key: String,
        #[prost(message, optional, tag = "2")]
        value: Option<AnyValue>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct AnyValue {
        #[prost(oneof = "Kind", tags = "1, 3")]
        kind: Option<Kind>,
    }

    #[derive(Clone, PartialEq, prost::Oneof)]
    enum Kind {
        #[prost(string, tag = "1")]
        Text(String),
        #[prost(int64, tag = "3")]
        Int(i64),
    }

    impl KeyValue {
        pub(in super::super) fn of(name: &str, value: &Value) -> Self {
            let kind = match value.as_i64() {
                Some(number) => Kind::Int(number),
                None => Kind::Text(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            };
            Self { key: name.to_owned(), value: Some(AnyValue { kind: Some(kind) }) }
        }
    }

    impl AnyValue {
        pub(in super::super) fn text(text: &str) -> Self {
            Self { kind: Some(Kind::Text(text.to_owned())) }
        }
    }
}

/// Loki: `pkg/push/push.proto`.
pub(super) mod loki {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Push {
        #[prost(message, repeated, tag = "1")]
        pub(in super::super) streams: Vec<Stream>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Stream {
        #[prost(string, tag = "1")]
        pub(in super::super) labels: String,
        #[prost(message, repeated, tag = "2")]
        pub(in super::super) entries: Vec<Entry>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Entry {
        #[prost(message, optional, tag = "1")]
        pub(in super::super) timestamp: Option<Timestamp>,
        #[prost(string, tag = "2")]
        pub(in super::super) line: String,
        #[prost(message, repeated, tag = "3")]
        pub(in super::super) metadata: Vec<Pair>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Timestamp {
        #[prost(int64, tag = "1")]
        seconds: i64,
        #[prost(int32, tag = "2")]
        nanos: i32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in super::super) struct Pair {
        #[prost(string, tag = "1")]
        pub(in super::super) name: String,
        #[prost(string, tag = "2")]
        pub(in super::super) value: String,
    }

    impl Timestamp {
        pub(in super::super) fn of_micros(micros: u64) -> Self {
            let seconds = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
            let nanos = i32::try_from(micros % 1_000_000 * 1000).unwrap_or_default();
            Self { seconds, nanos }
        }
    }
}
