//! `sentinel ship`: every line of log files, of stdin and of Docker's containers, in Log Sentinel exactly once.
//!
//! What is sent is decided first: which file, from which byte to which, under which `Idempotency-Key`. The decision is on the
//! disk before the first byte is sent, and the body is a pure function of it and of the file. So a shipper that was
//! killed sends the very same request again, and ingest-svc, which keeps keys for 24 h, stores it once. `docs/shipping.md` has
//! what a user needs to know.
//!
//! * `options` what can be asked for, `command` puts it together, `status` shows what the state file says
//! * `continuation` which lines belong together, `docker` Docker's json-file, `records` both: bytes to records
//! * `cut` where a batch ends and what its body is
//! * `parts` records to messages of a size that is taken, `envelope` messages to the lines of a request
//! * `identity` which file it is whatever its name, `state` what is remembered on the disk
//! * `discovery` which files there are, `file` one of them, `watch` all of them, `shipper` sends them in turn
//! * `stdin` what comes through a pipe, `progress` how it goes

mod command;
mod continuation;
mod cut;
mod discovery;
mod docker;
mod envelope;
mod file;
mod identity;
mod options;
mod parts;
mod progress;
mod records;
mod shipper;
mod state;
mod status;
mod stdin;
mod watch;

pub(crate) use command::run;
pub(crate) use options::ShipOptions;
