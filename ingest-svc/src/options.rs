//! The options of everything that stores logs: what a record may hold, how much may wait, how long an answer may take.

use std::net::SocketAddr;

use clap::{Args, value_parser};
use domain::limits::RecordLimits;
use sentinel_http::memory_limit::Share;
use sentinel_http::options::values::{Bytes, Seconds};
use store::append_limits::{GROUP_MAX_BYTES, MERGED_MAX_BYTES, QUEUE_MAX_BYTES, QUEUE_MAX_RECORDS};
use store::{AppendLimits, DiskReserve};

use crate::syslog::options::SyslogOptions;

/// The options of everything that stores logs.
#[derive(Debug, Clone, Default, Args)]
pub struct IngestOptions {
    /// What a request and its records may hold
    #[command(flatten)]
    pub records: RecordOptions,
    /// How much may wait, and how long
    #[command(flatten)]
    pub storing: StoringOptions,
    /// Whether it takes syslog
    #[command(flatten)]
    pub syslog: SyslogOptions,
    /// Further ports
    #[command(flatten)]
    pub ports: PortOptions,
}

/// Ports of their own for protocols.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Further ports")]
pub struct PortOptions {
    /// Address for OpenTelemetry's protocol alone, OTLP/HTTP, such as 127.0.0.1:4318, where its exporters send to by
    /// themselves; its route /v1/logs is found on the service's own port as well. Default: none
    #[arg(long, env = "SENTINEL_OTLP_LISTEN", value_name = "ADDRESS")]
    pub otlp_listen: Option<SocketAddr>,
}

/// What a request and its records may hold.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "What a request may hold")]
pub struct RecordOptions {
    /// Most records of a request, up to 16384
    #[arg(long, env = "SENTINEL_BATCH_MAX_RECORDS", value_name = "RECORDS",
          default_value_t = as_u32(RecordLimits::STANDARD.batch_records), value_parser = value_parser!(u32).range(1..=16_384))]
    pub batch_max_records: u32,
    /// Most bytes of a message, up to 4MiB: a number and B, KiB or MiB
    #[arg(long, env = "SENTINEL_MESSAGE_MAX", value_name = "SIZE",
          default_value_t = Bytes::new(RecordLimits::STANDARD.message_bytes), value_parser = bytes_up_to::<{ 4 * MIB }>)]
    pub message_max: Bytes,
    /// Most attributes of a record, up to 1024
    #[arg(long, env = "SENTINEL_ATTRIBUTES_MAX_COUNT", value_name = "ATTRIBUTES",
          default_value_t = as_u32(RecordLimits::STANDARD.attributes), value_parser = value_parser!(u32).range(0..=1024))]
    pub attributes_max_count: u32,
    /// Most bytes of an attribute's name, up to 4KiB
    #[arg(long, env = "SENTINEL_ATTRIBUTE_NAME_MAX", value_name = "SIZE",
          default_value_t = Bytes::new(RecordLimits::STANDARD.attribute_name_bytes), value_parser = bytes_up_to::<{ 4 * KIB }>)]
    pub attribute_name_max: Bytes,
    /// Most bytes of an attribute's value, as JSON, up to 1MiB
    #[arg(long, env = "SENTINEL_ATTRIBUTE_VALUE_MAX", value_name = "SIZE",
          default_value_t = Bytes::new(RecordLimits::STANDARD.attribute_value_bytes), value_parser = bytes_up_to::<MIB>)]
    pub attribute_value_max: Bytes,
    /// Deepest nesting of attributes, their object included, up to 64
    #[arg(long, env = "SENTINEL_ATTRIBUTES_MAX_DEPTH", value_name = "LEVELS",
          default_value_t = as_u32(RecordLimits::STANDARD.attributes_depth), value_parser = value_parser!(u32).range(1..=64))]
    pub attributes_max_depth: u32,
}

/// How much may wait to be stored, how long, and how much of the disk stays free.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Storing")]
pub struct StoringOptions {
    /// Most records that wait to be stored; a request for which there is no room is answered 503
    #[arg(long, env = "SENTINEL_QUEUE_MAX_RECORDS", value_name = "RECORDS",
          default_value_t = as_u32(QUEUE_MAX_RECORDS), value_parser = value_parser!(u32).range(1..))]
    pub queue_max_records: u32,
    /// Most memory of records that wait; default: 64MiB, or an eighth of the control group's memory limit if that is less
    #[arg(long, env = "SENTINEL_QUEUE_MAX_BYTES", value_name = "SIZE")]
    pub queue_max_bytes: Option<Bytes>,
    /// How much of the disk stays free, such as 2GiB or 10%; 0: nothing. Below it logs are answered 507. Default: 5%, at
    /// least 512MiB, at most a quarter of the disk
    #[arg(long, env = "SENTINEL_DISK_RESERVE", value_name = "SIZE|PERCENT", value_parser = read_disk_reserve)]
    pub disk_reserve: Option<DiskReserve>,
    /// How long a request may wait until its logs are stored, before it is told that it is not known whether they are
    #[arg(long, env = "SENTINEL_INGEST_TIMEOUT", value_name = "TIME", default_value_t = INGEST_TIMEOUT)]
    pub ingest_timeout: Seconds,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How long a request waits until its logs are stored, unless the service is told otherwise.
const INGEST_TIMEOUT: Seconds = Seconds::new(20);

/// What is stored at a time is this part of what may wait: one in so many.
const GROUP_PART_OF_QUEUE: usize = 2;

impl Default for RecordOptions {
    fn default() -> Self {
        let RecordLimits {
            batch_records,
            message_bytes,
            attributes,
            attribute_name_bytes,
            attribute_value_bytes,
            attributes_depth,
        } = RecordLimits::STANDARD;
        Self {
            batch_max_records: as_u32(batch_records),
            message_max: Bytes::new(message_bytes),
            attributes_max_count: as_u32(attributes),
            attribute_name_max: Bytes::new(attribute_name_bytes),
            attribute_value_max: Bytes::new(attribute_value_bytes),
            attributes_max_depth: as_u32(attributes_depth),
        }
    }
}

impl Default for StoringOptions {
    fn default() -> Self {
        Self {
            queue_max_records: as_u32(QUEUE_MAX_RECORDS),
            queue_max_bytes: None,
            disk_reserve: None,
            ingest_timeout: INGEST_TIMEOUT,
        }
    }
}

impl From<&RecordOptions> for RecordLimits {
    fn from(options: &RecordOptions) -> Self {
        Self {
            batch_records: options.batch_max_records as usize,
            message_bytes: options.message_max.get(),
            attributes: options.attributes_max_count as usize,
            attribute_name_bytes: options.attribute_name_max.get(),
            attribute_value_bytes: options.attribute_value_max.get(),
            attributes_depth: options.attributes_max_depth as usize,
        }
    }
}

impl From<&StoringOptions> for AppendLimits {
    fn from(options: &StoringOptions) -> Self {
        let queue_max_bytes =
            options.queue_max_bytes.map_or_else(|| Share::Queue.or_less(QUEUE_MAX_BYTES), Bytes::get);
        Self {
            queue_max_records: options.queue_max_records as usize,
            queue_max_bytes,
            // The group that is stored is still in the queue, and takes as much again while it is encoded.
            group_max_bytes: GROUP_MAX_BYTES.min(queue_max_bytes / GROUP_PART_OF_QUEUE),
            merged_max_bytes: Share::Merge.or_less(MERGED_MAX_BYTES),
            disk_reserve: options.disk_reserve.unwrap_or_default(),
        }
    }
}

fn as_u32(number: usize) -> u32 {
    u32::try_from(number).expect("the standard limits are small")
}

fn bytes_up_to<const MAX: usize>(text: &str) -> Result<Bytes, String> {
    let size: Bytes = text.parse()?;
    if size.get() <= MAX { Ok(size) } else { Err(format!("expected at most {}", Bytes::new(MAX))) }
}

fn read_disk_reserve(text: &str) -> Result<DiskReserve, String> {
    let expected = || "expected a size such as 2GiB, a part such as 10%, or 0".to_owned();
    if text == "0" {
        return Ok(DiskReserve::Off);
    }
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent = percent.parse().ok().filter(|percent| *percent < 100).ok_or_else(expected)?;
            Ok(DiskReserve::Percent(percent))
        }
        None => {
            let bytes = text.parse::<Bytes>().map_err(|_| expected())?;
            Ok(DiskReserve::Bytes(bytes.get() as u64))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        options: IngestOptions,
    }

    fn options(arguments: &[&str]) -> Result<IngestOptions, String> {
        let program = Program::try_parse_from([&["program"], arguments].concat());
        program.map(|program| program.options).map_err(|error| error.to_string())
    }

    #[test]
    fn unless_it_is_said_the_limits_are_the_standard_ones() {
        for options in [options(&[]).unwrap(), IngestOptions::default()] {
            assert_eq!(RecordLimits::from(&options.records), RecordLimits::STANDARD);
            let append = AppendLimits::from(&options.storing);
            assert_eq!((append.queue_max_records, append.disk_reserve), (50_000, DiskReserve::Standard));
            assert!(append.queue_max_bytes <= QUEUE_MAX_BYTES);
            assert_eq!(options.storing.ingest_timeout, Seconds::new(20));
        }
    }

    #[test]
    fn each_limit_can_be_set() {
        let set = "--batch-max-records=1 --message-max=2B --attributes-max-count=3 --attribute-name-max=4B \
                   --attribute-value-max=5B --attributes-max-depth=6 --queue-max-records=7 --queue-max-bytes=8B";
        let options = options(&set.split_whitespace().collect::<Vec<_>>()).unwrap();
        let records = RecordLimits {
            batch_records: 1,
            message_bytes: 2,
            attributes: 3,
            attribute_name_bytes: 4,
            attribute_value_bytes: 5,
            attributes_depth: 6,
        };
        assert_eq!(RecordLimits::from(&options.records), records);
        let append = AppendLimits::from(&options.storing);
        assert_eq!((append.queue_max_records, append.queue_max_bytes), (7, 8));
    }

    #[test]
    fn a_limit_beyond_what_the_engine_is_made_for_is_refused() {
        for argument in [
            "--batch-max-records=16385",
            "--batch-max-records=0",
            "--message-max=5MiB",
            "--attribute-value-max=2MiB",
            "--attributes-max-depth=65",
            "--queue-max-records=0",
        ] {
            assert!(options(&[argument]).is_err(), "{argument}");
        }
    }

    #[test]
    fn a_reserve_is_a_size_a_part_or_nothing() {
        let read = |text| read_disk_reserve(text).ok();
        assert_eq!(read("0"), Some(DiskReserve::Off));
        assert_eq!(read("2GiB"), Some(DiskReserve::Bytes(2 << 30)));
        assert_eq!(read("10%"), Some(DiskReserve::Percent(10)));
        for text in ["", "100%", "-1%", "1.5%", "%", "much"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
