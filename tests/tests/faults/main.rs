//! The faults that the store promises to survive, injected below it: power cuts, and writes and syncs that fail.
//!
//! A process under test runs with `tests/faults/shim.c` in front of libc, which writes down in one order what the
//! process did to its files and what it told the world, and lets chosen operations fail.
//!
//! * [`shim`] builds the shim and says what it shall do; [`trace`] reads what it wrote down
//! * [`load`] the process under test: an engine, and senders that write down what they were told
//! * [`ledger`] what is stored against what was told, up to any point of the trace
//! * [`disk`] the disks that may be found after a power cut at that point; [`image`] opens one and looks at it
//! * `power_cut`, `failing_disk`, `failing_service` the tests
//!
//! Not covered: a disk that says it wrote what it did not write, and faults of the kernel.

#![expect(clippy::print_stdout, reason = "a test's figures are shown when it fails, or is asked to")]

mod disk;
mod failing_disk;
mod failing_service;
mod image;
mod ledger;
mod load;
mod power_cut;
mod shim;
mod trace;
